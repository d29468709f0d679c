//! The tests' own house: what more than one crate's tests, examples and fuzz targets need.
//!
//! * [`server`](mod@server): a server in this process, on loopback, with a folder of its own; [`rest`] and [`signalling`]
//!   are its clients, and [`contract`] holds each of its answers against what its own document says.
//! * [`program`]: the program `madang` as a process of its own.
//! * [`s3`]: an S3 service.
//! * [`publisher`]: packets as they come from a publisher; [`encoder`]: of real encoders.
//! * [`fuzz`]: what the inputs of strangers go through, for `fuzz/` and for the test of its seeds.
//! * [`eventually`](fn@eventually): waits for what happens elsewhere, but never without end.
//!
//! It is not part of the product: only tests, examples and `fuzz/` depend on it, each on the features that it names. It
//! knows no test, and asserts nothing but what makes any further test pointless.

#[cfg(feature = "server")]
pub mod contract;
#[cfg(feature = "publisher")]
pub mod encoder;
mod eventually;
#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod program;
#[cfg(feature = "publisher")]
pub mod publisher;
#[cfg(feature = "server")]
pub mod rest;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod signalling;

#[cfg(any(feature = "s3", feature = "server"))]
pub use eventually::eventually_async;
pub use eventually::{PATIENCE, eventually};
