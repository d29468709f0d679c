//! The program as the server runs it for live work: a socket, packets in, packets out.

mod authority;
mod broadcasting;
mod camera;
mod costs;
mod filtering;
mod job;
mod recognising;
mod rtmp;
mod transcoding;
