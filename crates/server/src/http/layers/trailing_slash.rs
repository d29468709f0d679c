//! `…/sessions/` as `…/sessions`: some libraries add a slash to whatever address they are given. The original takes it for
//! another path.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::middleware::Next;
use axum::response::Response;

const API: &str = "/openvidu/api/";

/// Takes one slash off the end of a path of the API.
pub(crate) async fn ignore(mut request: Request, next: Next) -> Response {
    if let Some(uri) = without_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

fn without_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/').filter(|path| path.starts_with(API) && !path.ends_with('/'))?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slash_at_the_end_of_a_path_of_the_api_does_not_count() {
        let without = |uri: &str| without_slash(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(without("/openvidu/api/sessions/").as_deref(), Some("/openvidu/api/sessions"));
        assert_eq!(without("/openvidu/api/sessions/?a=/").as_deref(), Some("/openvidu/api/sessions?a=/"));
        for uri in
            ["/openvidu/api/sessions", "/openvidu/api/", "/openvidu/api/sessions//", "/assets/", "/", "/openvidu/"]
        {
            assert_eq!(without(uri), None, "{uri}");
        }
    }
}
