//! The REST API of the real server, over TCP.

mod auth;
mod bad_input;
mod call_page;
mod cdr;
mod client;
mod config;
mod connections;
mod cors;
mod golden;
mod participants;
mod recordings;
mod sessions;
mod signal;
mod tokens;
