//! Whole files: cut anywhere, and with what real encoders make in them.

mod codecs;
mod cut;
mod follow;
mod probe;
mod streams;
