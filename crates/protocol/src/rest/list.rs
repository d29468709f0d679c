//! How the REST API answers several objects.

use serde::Serialize;
use utoipa::ToSchema;

/// `{"numberOfElements":n,"content":[…]}`.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    number_of_elements: usize,
    content: Vec<T>,
}

impl<T> From<Vec<T>> for List<T> {
    fn from(content: Vec<T>) -> Self {
        Self { number_of_elements: content.len(), content }
    }
}

impl<T> List<T> {
    /// The elements.
    pub fn content(&self) -> &[T] {
        &self.content
    }
}
