//! What handlers read from requests: bodies, queries, parts of paths, and how the caller reached us.

pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod language;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod trace;
