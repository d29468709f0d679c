//! What clients and applications experience, told as scenarios against the whole registry.

mod call;
mod golden;
mod invariants;
mod join;
mod leave;
mod moderation;
mod publish;
mod reconnection;
mod requests;
mod rest;
mod signals;
mod subscribe;
