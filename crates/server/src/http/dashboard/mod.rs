//! `/dashboard`: the page for operators, and what it alone is told: sessions and why something is wrong in them (the crate
//! `history`), settings, a way to look into a session. Whatever it does to sessions and recordings goes through the REST API.
//!
//! Who opens the page with the secret gets a cookie ([`crate::logins`]), which from then on opens what the secret opens.

mod history;
mod live;
mod page;
mod settings;
mod view;

use axum::Router;
use axum::http::Uri;
use axum::routing::{get, post};
use protocol::language::Language;

use crate::http::request::query;
use crate::state::AppState;

/// The page itself; what is below it is relative to this.
pub(crate) const ROOT: &str = "/dashboard/";
/// Where OpenVidu Pro had it.
const OTHER_NAMES: [&str; 3] = ["/dashboard", "/inspector", "/inspector/"];

/// All of it.
#[expect(clippy::disallowed_methods, reason = "a page and its parts are no operations of the API")]
pub(crate) fn routes() -> Router<AppState> {
    let router = OTHER_NAMES.iter().fold(Router::new(), |router, name| router.route(name, get(page::elsewhere)));
    router
        .route(ROOT, get(page::index))
        .route("/dashboard/{*name}", get(page::asset))
        .route("/dashboard/logout", post(page::logout))
        .route("/dashboard/live", get(live::open))
        .route("/dashboard/api/history", get(history::list))
        .route("/dashboard/api/history.json", get(history::export))
        .route("/dashboard/api/history/{key}", get(history::show))
        .route("/dashboard/api/settings", get(settings::show))
        .route("/dashboard/api/sessions/{session}/view", post(view::make))
}

/// In which language a request wants to be answered: `language=ko`.
fn language(uri: &Uri) -> Language {
    query::text(uri, "language").map(Language::of).unwrap_or_default()
}
