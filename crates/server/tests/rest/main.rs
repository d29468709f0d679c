//! The REST API of the real server, over TCP.

mod access;
mod auth;
mod bad_input;
mod call_page;
mod cdr;
mod client;
mod compatibility;
mod config;
mod connections;
mod cors;
mod deprecated;
mod fields;
mod flood;
mod golden;
mod life;
mod limits;
mod media_nodes;
mod participants;
mod recordings;
mod restart;
mod sessions;
mod signal;
mod streams;
mod tokens;
mod unavailable;
mod wire;
