//! Whole calls in memory: our unit between real WebRTC engines, over a network with delay and loss, under a virtual clock.
//! Nothing sleeps and nothing opens a socket.

mod adaptation;
mod big_rooms;
mod call;
mod camera;
mod clients;
mod dependency;
mod scalable;

mod costs;
mod description;
mod descriptors;
mod emulated;
mod hostile;
mod ice_restart;
mod layers;
mod lifecycle;
mod limits;
mod local;
mod loss;
mod media;
mod negotiation;
mod observations;
mod odd_clients;
mod paths;
mod pipes;
mod reception;
mod reconnection;
mod recorded;
mod redundancy;
mod simulcast;
mod taps;
