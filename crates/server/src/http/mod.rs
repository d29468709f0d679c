//! HTTP: everything but the WebSocket `/openvidu`.

use std::sync::Arc;

use axum::Router;

use crate::App;

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new().with_state(app)
}
