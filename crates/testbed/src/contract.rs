//! Answers compared with what the server's own OpenAPI document says of them. Every answer to a
//! [`RestClient`](crate::rest::RestClient) passes here.
//!
//! Objects are closed for that: the document lets keys come that it does not know, so that clients live with newer servers,
//! but an answer of today must have none.

use std::collections::HashMap;
use std::sync::Mutex;

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use server::http;
use settings::Compatibility;

use crate::rest::RestAnswer;

/// Statuses that come with an error or with nothing; the document tells of neither as a schema. Operation and status.
const TOLD_OR_NOT: &[(&str, u16)] = &[
    ("sendSignal", 406),
    ("getConnection", 400),
    ("closeConnection", 400),
    ("unpublishStream", 400),
    ("startRecording", 501),
];

/// What the server says of itself.
pub struct Contract {
    pub document: Value,
    /// The same with closed objects.
    closed: Value,
    /// By JSON pointer.
    validators: Mutex<HashMap<String, &'static Validator>>,
}

/// An operation of the document.
#[derive(Clone, Copy)]
pub struct Operation<'a> {
    pub path: &'a str,
    pub method: &'a str,
    pub operation: &'a Value,
}

impl Operation<'_> {
    pub fn id(&self) -> &str {
        self.operation["operationId"].as_str().expect("an id")
    }
}

impl Contract {
    /// Of a server that was asked for this.
    pub fn of(compatibility: Compatibility) -> &'static Self {
        static CONTRACTS: Mutex<Vec<(Compatibility, &Contract)>> = Mutex::new(vec![]);
        let mut contracts = CONTRACTS.lock().expect("no panic meanwhile");
        match contracts.iter().find(|(of, _)| *of == compatibility) {
            Some((_, contract)) => contract,
            None => {
                let document = serde_json::from_slice(&http::document(compatibility)).expect("JSON");
                // Kept for the whole run.
                let contract = Box::leak(Box::new(Self::new(document)));
                contracts.push((compatibility, contract));
                contract
            }
        }
    }

    fn new(document: Value) -> Self {
        let mut closed = document.clone();
        for schema in closed["components"]["schemas"].as_object_mut().expect("schemas").values_mut() {
            close_members(schema);
        }
        Self { document, closed, validators: Mutex::default() }
    }

    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.document["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            item.as_object().expect("operations").iter().map(move |(method, operation)| Operation {
                path,
                method,
                operation,
            })
        })
    }

    /// The operation that a request is for, if there is one.
    pub fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let method = if method == "HEAD" { "GET" } else { method };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut found: Vec<_> = self
            .operations()
            .filter(|operation| operation.method.to_uppercase() == method && matches(operation.path, path))
            .collect();
        // What is written out goes before what is left open.
        found.sort_by_key(|operation| operation.path.matches('{').count());
        found.into_iter().next()
    }

    /// What is wrong with an answer; nothing if nobody promised anything.
    pub fn objections(&self, method: &str, path: &str, answer: &RestAnswer) -> Vec<String> {
        let Some(operation) = self.operation(method, path) else { return vec![] };
        let objections = self.compare(operation, method == "HEAD", answer);
        objections.into_iter().map(|what| format!("{method} {path} ({}): {what}", operation.id())).collect()
    }

    fn compare(&self, operation: Operation<'_>, head: bool, answer: &RestAnswer) -> Vec<String> {
        let status = answer.status.to_string();
        let Some(response) = operation.operation["responses"].get(&status) else {
            return vec![format!("status {status} is not documented")];
        };
        let response = self.resolved(response);
        let media_types = response["content"].as_object();
        if head {
            return vec![];
        }
        if answer.body.is_empty() {
            return match media_types {
                Some(types) if !types.contains_key("text/plain") => vec![format!("{status} lacks its body")],
                _ => vec![],
            };
        }
        if TOLD_OR_NOT.contains(&(operation.id(), answer.status)) {
            return self.violations("#/components/schemas/Error", &answer.json());
        }
        let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        match media_types.and_then(|types| types.get(kind)) {
            None => vec![format!("{status} with a body of type '{kind}' is not documented")],
            Some(_) if kind != "application/json" => vec![],
            Some(media) => self.schema_violations(&media["schema"], &answer.json()),
        }
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).expect("what is referred to"),
            None => value,
        }
    }

    fn schema_violations(&self, schema: &Value, instance: &Value) -> Vec<String> {
        match schema["$ref"].as_str() {
            Some(reference) => self.violations(reference, instance),
            None => violations(&self.validator(schema), instance),
        }
    }

    fn violations(&self, reference: &str, instance: &Value) -> Vec<String> {
        let validator = {
            let mut validators = self.validators.lock().expect("no panic meanwhile");
            // Kept for the whole run.
            let make = || &*Box::leak(Box::new(self.validator(&json!({"$ref": reference}))));
            *validators.entry(reference.to_owned()).or_insert_with(make)
        };
        violations(validator, instance)
    }

    /// Of a schema in its place in the document.
    pub fn validator(&self, schema: &Value) -> Validator {
        let mut schema = schema.clone();
        close_members(&mut schema);
        close(&mut schema);
        schema["components"] = self.closed["components"].clone();
        jsonschema::draft202012::new(&schema).expect("a valid schema")
    }
}

fn violations(validator: &Validator, instance: &Value) -> Vec<String> {
    validator.iter_errors(instance).map(|error| format!("{error} at {}", error.instance_path())).collect()
}

/// Whether a path is one of a template's.
fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(path)
            .all(|(wanted, found)| *wanted == found || (wanted.starts_with('{') && !found.is_empty()))
}

/// Closes what is inside of a schema, but not itself: it may be only a part of what describes an object.
fn close_members(schema: &mut Value) {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        schema[keyword].as_array_mut().into_iter().flatten().for_each(close_members);
    }
    let members = schema["properties"].as_object_mut().into_iter().flat_map(Map::values_mut);
    for member in members {
        close_members(member);
        close(member);
    }
    if let Some(items) = schema.get_mut("items") {
        close_members(items);
        close(items);
    }
    // Indexing has made these where they were not.
    schema.as_object_mut().expect("a schema").retain(|_, value| !value.is_null());
}

fn close(schema: &mut Value) {
    let tells_properties =
        ["$ref", "properties", "allOf", "anyOf", "oneOf"].iter().any(|key| schema.get(key).is_some());
    if tells_properties {
        schema["unevaluatedProperties"] = false.into();
    }
}
