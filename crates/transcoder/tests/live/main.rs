//! The program as the server runs it for live work: a socket, packets in, packets out.

mod filtering;
mod camera;
mod job;
mod recognising;
mod transcoding;
