//! The REST API of the real server, over TCP.

mod access;
mod auth;
mod bad_input;
mod bucket;
mod call_page;
mod cdr;
mod client;
mod compatibility;
mod config;
mod connections;
mod contract;
mod cors;
mod deprecated;
mod doctor;
mod fields;
mod flood;
mod golden;
mod life;
mod limits;
mod media_nodes;
mod openapi;
mod participants;
mod recordings;
mod redirect;
mod restart;
#[path = "../../../bucket/tests/service/mod.rs"]
mod s3;
mod sessions;
mod signal;
mod streams;
mod tokens;
mod unavailable;
mod wire;
