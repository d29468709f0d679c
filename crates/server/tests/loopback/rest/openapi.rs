//! The OpenAPI document as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use settings::Compatibility;
use testbed::contract::Contract;
use testbed::rest::{Request, RestAnswer};
use testbed::server::TestServer;

#[test]
fn the_document_is_a_valid_one_of_openapi_3_1() {
    let schema: Value = serde_json::from_str(include_str!("../../../../../tests/openapi/3.1.schema.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for compatibility in [Compatibility::Clear, Compatibility::V2_20, Compatibility::V2_32] {
        let document = &Contract::of(compatibility).document;
        let errors: Vec<_> = validator.iter_errors(document).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    }
}

#[tokio::test]
async fn the_document_is_served_to_those_who_may_use_the_api() {
    let server = TestServer::start().await;
    let path = "/openvidu/api/openapi.json";
    assert_eq!(server.send(Request::anonymous("GET", path)).await.status, 401);
    assert_eq!(server.get(path).await.json(), Contract::of(Compatibility::Clear).document);
}

#[test]
fn every_schema_is_one_and_whatever_is_referred_to_is_there() {
    let contract = Contract::of(Compatibility::Clear);
    let schemas = contract.document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        jsonschema::draft202012::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        contract.validator(schema);
    }
    let mut references = BTreeSet::new();
    collect_references(&contract.document, &mut references);
    for reference in &references {
        let pointer = reference.trim_start_matches('#');
        assert!(contract.document.pointer(pointer).is_some(), "{reference}");
    }
    let unused: Vec<_> =
        schemas.keys().filter(|name| !references.contains(&format!("#/components/schemas/{name}"))).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

fn collect_references(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            references.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| collect_references(value, references));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_references(value, references)),
        _ => {}
    }
}

#[test]
fn operations_have_names_of_their_own_and_tell_their_parameters() {
    let mut names = BTreeSet::new();
    for operation in Contract::of(Compatibility::Clear).operations() {
        assert!(names.insert(operation.id().to_owned()), "{} twice", operation.id());
        let told = |key: &str| operation.operation[key].as_str().is_some_and(|text| !text.is_empty());
        assert!(told("summary"), "{}", operation.id());
        let parameters = operation.operation["parameters"].as_array().cloned().unwrap_or_default();
        let declared = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let declared: Vec<_> =
            declared.map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap())).collect();
        let used: Vec<_> = operation.path.split('/').filter(|part| part.starts_with('{')).collect();
        assert_eq!(declared, used, "{}", operation.id());
    }
    assert!(names.len() > 20, "{names:?}");
}

/// What is served at each path of the document is what it says, no less and no more.
#[tokio::test]
async fn exactly_the_documented_methods_are_served() {
    let contract = Contract::of(Compatibility::Clear);
    let server = TestServer::start().await;
    let mut methods = BTreeMap::<&str, BTreeSet<String>>::new();
    for operation in contract.operations() {
        methods.entry(operation.path).or_default().insert(operation.method.to_uppercase());
    }
    for (path, documented) in methods {
        let concrete = path.replace(['{', '}'], "");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "QUERY"] {
            let answer = server.send(Request::new(method, &concrete)).await;
            let served = contract.operation(method, &concrete).is_some();
            assert_eq!(!is_unserved(&answer), served, "{method} {path}: {answer:?}");
        }
        let refused = server.send(Request::new("QUERY", &concrete)).await;
        let allowed: BTreeSet<_> = refused.header("allow").unwrap().split(',').map(str::to_owned).collect();
        assert!(documented.is_subset(&allowed), "{path}: {allowed:?}");
    }
}

fn is_unserved(answer: &RestAnswer) -> bool {
    let told = |text: &str| answer.is_described() && answer.text().contains(text);
    (answer.status == 404 && told("No such path")) || (answer.status == 405 && told("is not allowed here"))
}

/// Recorded answers of the original, too, are as ours are documented.
#[test]
fn answers_of_the_original_are_as_documented() {
    let contract = Contract::of(Compatibility::Clear);
    let recorded = include_str!("../../../../../tests/golden/rest.ndjson");
    let (mut compared, mut failures) = (0, vec![]);
    for line in recorded.lines() {
        let recorded: Value = serde_json::from_str(line).unwrap();
        let (method, path) =
            (recorded["request"]["method"].as_str().unwrap(), recorded["request"]["path"].as_str().unwrap());
        let answer = RestAnswer {
            status: recorded["status"].as_u64().unwrap() as u16,
            headers: recorded["headers"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            body: recorded["body"].as_str().unwrap().into(),
        };
        // 2.32's refusal of whatever its handlers do not see; ours are clearer.
        if answer.status == 403 || contract.operation(method, path).is_none() {
            continue;
        }
        compared += 1;
        let objections = contract.objections(method, path, &answer);
        failures.extend(objections.into_iter().map(|what| format!("{}: {what}", recorded["name"])));
    }
    assert_eq!(failures, Vec::<String>::new());
    assert!(compared > 130, "{compared}");
}
