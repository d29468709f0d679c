//! Bodies of the REST API.
//!
//! [`view`] holds the objects that are answered, keys in the original's order (clients compare serialised objects), [`web_rtc`] what
//! of them is about media, for those who ask;
//! [`request`] reads what is asked, with the original's leniency, into [`crate::model`] types.

mod list;
pub mod request;
mod schema;
pub mod view;
pub mod web_rtc;
