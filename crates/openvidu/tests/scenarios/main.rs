//! What clients and applications experience, told as scenarios against the whole registry.

mod absence;
mod bandwidth;
mod call;
mod defects;
mod event_audit;
mod events;
mod golden;
mod invariants;
mod join;
mod leave;
mod line;
mod media;
mod message;
mod moderation;
mod publish;
mod quality;
mod reconnection;
mod recorder;
mod recording;
mod requests;
mod rest;
mod selection;
mod signals;
mod subscribe;
mod transcoding;
mod worker;
