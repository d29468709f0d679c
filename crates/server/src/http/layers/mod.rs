//! What every request passes on its way in and every answer on its way out, before and after routing.

pub(crate) mod access;
pub(crate) mod auth;
pub(crate) mod compatibility;
pub(crate) mod cors;
pub(crate) mod deprecated;
pub(crate) mod forgery;
pub(crate) mod headers;
pub(crate) mod intake;
pub(crate) mod panics;
pub(crate) mod trailing_slash;
