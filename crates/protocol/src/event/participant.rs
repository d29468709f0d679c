//! Who entered or left.

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

use crate::id::ConnectionId;

/// A participant, in `participantJoined` and `participantLeft`.
/// It is read back from what it is written as.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// Who; written twice, as `participantId` and `connectionId`.
    #[serde(rename = "connectionId")]
    pub connection: ConnectionId,
    /// `City, Country`, or `unknown`.
    pub location: String,
    /// Address of the client; of an IP camera, that of its host.
    pub ip: String,
    /// Free text such as `Chrome 126.0.0.0 on Linux 64-bit`; `IPCAM` for cameras.
    pub platform: String,
    /// What the client said of itself.
    pub client_data: String,
    /// What the application said of it.
    pub server_data: String,
}

impl Serialize for Participant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("participantId", &self.connection)?;
        map.serialize_entry("connectionId", &self.connection)?;
        map.serialize_entry("location", &self.location)?;
        map.serialize_entry("ip", &self.ip)?;
        map.serialize_entry("platform", &self.platform)?;
        map.serialize_entry("clientData", &self.client_data)?;
        map.serialize_entry("serverData", &self.server_data)?;
        map.end()
    }
}
