//! `/openvidu/api/openapi.json`: the REST API as an OpenAPI 3.1 document.
//!
//! What an operation takes and answers stands in its handler's annotation, which also makes its route
//! ([`super::operations`]). Here is what holds for all of them: who may call, and what is refused before a handler is
//! asked.

use axum::Extension;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use settings::Compatibility;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Content, HeaderBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi as _, ToSchema as _};

use super::error::ErrorView;

/// As it is served.
#[derive(Clone)]
pub(super) struct Document(pub(super) Bytes);

impl Document {
    /// Completes what the handlers say.
    pub(super) fn new(mut operations: OpenApi, compatibility: Compatibility) -> Self {
        for path in operations.paths.paths.values_mut() {
            all(path).for_each(|operation| add_refusals(operation, compatibility));
        }
        let json = serde_json::to_vec(&operations).expect("keys are texts");
        Self(json.into())
    }
}

/// Get this document
#[utoipa::path(
    get,
    path = "/openvidu/api/openapi.json",
    operation_id = "getOpenApi",
    tag = "Configuration",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object, content_type = "application/json")),
)]
pub(super) async fn show(Extension(Document(json)): Extension<Document>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], json)
}

/// The document without operations.
pub(super) fn introduction() -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(
            title = "Madang",
            description = "The REST API of Madang, which is that of OpenVidu 2. It is for the application's server; \
                browsers join with the tokens that it gets here.\n\nRequests have no more than a JSON object: text after \
                it is ignored, of a repeated key the last one counts, unknown keys are ignored. Wherever there is a `GET`, \
                there is a `HEAD`.",
            license(name = "Apache-2.0", identifier = "Apache-2.0"),
        ),
        servers((url = "/", description = "This server")),
        security(("secret" = [])),
        modifiers(&Shared),
    )]
    struct Introduction;

    Introduction::openapi()
}

/// How requests are refused before a handler is asked.
struct Refusal {
    status: &'static str,
    /// Of the response that operations refer to.
    name: &'static str,
    description: &'static str,
    header: Option<(&'static str, &'static str)>,
}

const REFUSALS: [Refusal; 8] = [
    Refusal { status: "400", name: "Unreadable", description: "The request cannot be read", header: None },
    Refusal {
        status: "401",
        name: "Unauthorized",
        description: "The secret is missing or wrong",
        header: Some((
            "WWW-Authenticate",
            "Not for scripts in browsers, who say so by `X-Requested-With: XMLHttpRequest`",
        )),
    },
    Refusal {
        status: "403",
        name: "Forbidden",
        description: "This address may not use the API: `ALLOWED_ACCESS_TO_RESTAPI`",
        header: None,
    },
    // What no handler takes; it says no more than that.
    Refusal {
        status: "403",
        name: "Unhandled",
        description: "No operation takes this request, or (told by an error) this address may not use the API",
        header: None,
    },
    Refusal { status: "406", name: "NotAcceptable", description: "JSON is not accepted", header: None },
    Refusal { status: "408", name: "TooSlow", description: "The body did not arrive in time", header: None },
    Refusal {
        status: "413",
        name: "TooLarge",
        description: "The body is larger than any that makes sense",
        header: None,
    },
    Refusal {
        status: "429",
        name: "TooManyWrongSecrets",
        description: "There were too many wrong secrets from this address",
        header: Some(("Retry-After", "Seconds")),
    },
];

impl Refusal {
    fn has_body(&self) -> bool {
        !matches!(self.name, "Unauthorized" | "Unhandled")
    }

    /// Whether `operation` can be refused like this.
    fn concerns(&self, operation: &Operation, compatibility: Compatibility) -> bool {
        let blurred = compatibility == Compatibility::V2_32;
        match self.name {
            "Unhandled" => blurred,
            "Forbidden" => !blurred,
            "NotAcceptable" => !blurred && answers_json(operation),
            _ => true,
        }
    }

    fn response(&self) -> Response {
        let mut response = ResponseBuilder::new().description(self.description);
        if self.has_body() {
            response =
                response.content("application/json", Content::new(Some(Ref::from_schema_name(ErrorView::name()))));
        }
        if let Some((name, description)) = self.header {
            response = response.header(name, HeaderBuilder::new().description(Some(description)).build());
        }
        response.build()
    }
}

/// Unless the handler gives the same status a meaning of its own.
fn add_refusals(operation: &mut Operation, compatibility: Compatibility) {
    for refusal in &REFUSALS {
        if !refusal.concerns(operation, compatibility) {
            continue;
        }
        let reference = || Ref::from_response_name(refusal.name).into();
        operation.responses.responses.entry(refusal.status.to_owned()).or_insert_with(reference);
    }
    if compatibility == Compatibility::V2_32 {
        operation.responses.responses.remove("415");
    }
}

fn answers_json(operation: &Operation) -> bool {
    let success = operation.responses.responses.get("200");
    matches!(success, Some(RefOr::T(response)) if response.content.contains_key("application/json"))
}

fn all(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch].into_iter().flatten()
}

/// What operations refer to.
struct Shared;

impl Modify for Shared {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_with(Components::new);
        let secret = HttpBuilder::new()
            .scheme(HttpAuthScheme::Basic)
            .description(Some("User `OPENVIDUAPP`, password `OPENVIDU_SECRET`"))
            .build();
        components.security_schemes.insert("secret".to_owned(), RefOr::T(SecurityScheme::Http(secret)));
        let responses = REFUSALS.iter().map(|refusal| (refusal.name.to_owned(), refusal.response().into()));
        components.responses.extend(responses);
    }
}
