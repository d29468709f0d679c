//! `/recordings` of a deployment that does not record: 501, once the body has been understood.

use axum::http::StatusCode;

use super::intake::Mandatory;

pub(super) async fn start(Mandatory(_): Mandatory) -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

pub(super) async fn disabled() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
