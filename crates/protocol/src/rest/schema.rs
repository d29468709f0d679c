//! Pieces of the OpenAPI schemas that are written by hand: of requests, whose readers forgive more than a type tells, and
//! of answers whose keys depend on their values.

use serde_json::Value;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// By name.
pub(super) fn reference<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

/// In place.
pub(super) fn inline<T: PartialSchema>() -> RefOr<Schema> {
    T::schema()
}

pub(super) fn one(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

pub(super) fn null() -> ObjectBuilder {
    one(Type::Null)
}

/// Exactly these.
pub(super) fn values<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).enum_values(Some(values))
}

/// Any of these types. In requests, `null` counts as absent.
pub(super) fn any_of(kinds: impl IntoIterator<Item = Type>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kinds.into_iter().collect::<SchemaType>())
}

/// A parameter of one type.
pub(super) fn optional(kind: Type, description: &str) -> ObjectBuilder {
    any_of([kind, Type::Null]).description(Some(description))
}

/// A parameter that has one of some words.
pub(super) fn word(words: &[&str], description: &str) -> ObjectBuilder {
    let words = words.iter().map(|word| Value::from(*word)).chain([Value::Null]);
    values(words).description(Some(description))
}

/// A parameter that is an object.
pub(super) fn optional_object(object: impl Into<RefOr<Schema>>, description: &str) -> RefOr<Schema> {
    AnyOfBuilder::new().item(object).item(null()).description(Some(description)).into()
}

/// An object that has all of these.
pub(super) fn object<const N: usize>(properties: [(&str, RefOr<Schema>); N]) -> ObjectBuilder {
    properties
        .into_iter()
        .fold(one(Type::Object), |object, (name, schema)| object.property(name, schema).required(name))
}
