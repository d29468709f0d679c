//! The words Madang speaks with the outside and between its own parts.
//!
//! * [`model`]: what a session, a connection and a recording can be set to (OpenVidu's vocabulary).
//! * [`rest`]: bodies of the REST API under `/openvidu/api`.
//! * [`rpc`]: JSON-RPC frames of the WebSocket `/openvidu`.
//! * [`checkup`]: what the doctor finds out about a server.
//! * [`event`]: what happened, for the CDR file and for webhooks.
//! * [`filter`]: how a stream's filter is described.
//! * [`job`]: live work with media in a process of its own, such as filters and cameras.
//! * [`language`]: in which language people are told what is found.
//! * [`media`]: commands to and events from a media worker.
//! * [`name`]: what participants are called in composed pictures.
//! * [`recording`]: the same for the recorder, and recordings as REST and disks show them.
//! * [`speech`]: when something was said.
//! * [`transcoder`]: what the server and the process that composes recordings tell each other.
//!
//! This crate only reads and writes: it decides nothing, waits for nothing and opens nothing.

pub mod checkup;
pub mod error;
pub mod event;
pub mod filter;
pub mod id;
pub mod job;
pub mod language;
pub mod media;
pub mod model;
pub mod name;
pub mod recording;
pub mod rest;
pub mod rpc;
pub mod speech;
pub mod transcoder;
