//! What happened in sessions, person by person, and what it means: for dashboards that say *why* somebody has no picture, while
//! the session goes on and after it.
//!
//! It is made of facts that others tell ([`Fact`]), decides nothing about calls, and holds nobody up. [`story`]: what is kept.
//! [`chronicle`]: how facts become stories, pure. [`diagnosis`]: what a story means, pure. [`feedback`]: what people say of it themselves. [`words`]: in English and Korean.
//! [`view`]: as pages get it. [`changes`]: what they do not have yet. [`store`]: the stories of sessions that have ended, on the disk. [`keeper`]: the thread that has
//! all of this. It is not the account for applications (that is the CDR), and not metrics.

pub mod changes;
pub mod chronicle;
pub mod diagnosis;
pub mod fact;
pub mod feedback;
pub mod incident;
pub mod keeper;
pub mod store;
pub mod story;
pub mod view;
pub mod words;

pub use fact::Fact;
pub use incident::{Incident, Trouble};
pub use keeper::{History, HistoryOptions, OpenHistory};
