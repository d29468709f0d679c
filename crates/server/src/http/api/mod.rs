//! The REST API: one file per resource. A handler reads a request into `protocol` types, makes one call to the control
//! loop, and writes what comes back.

pub(crate) mod broadcast;
pub(crate) mod cdr;
pub(crate) mod config;
pub(crate) mod connections;
pub(crate) mod doctor;
pub(crate) mod health;

pub(crate) mod media_nodes;
pub(crate) mod metrics;
pub(crate) mod recordings;
pub(crate) mod restart;
pub(crate) mod sessions;
pub(crate) mod signal;
pub(crate) mod speech_to_text;
pub(crate) mod streams;
pub(crate) mod tokens;
pub(crate) mod turn;
