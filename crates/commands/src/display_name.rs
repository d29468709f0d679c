//! What a participant is called.

use protocol::name;
use serde_json::Value;

/// Of a connection, by what the client or the application said of it.
pub(crate) fn display_name(connection: &Value) -> Option<String> {
    let text = |name: &str| connection[name].as_str().unwrap_or_default();
    name::shown(text("clientData"), text("serverData"))
}
