//! Whole calls in memory: our unit between real WebRTC engines, over a network with delay and loss, under a virtual clock.
//! Nothing sleeps and nothing opens a socket.

mod adaptation;
mod call;
mod camera;
mod dependency;
mod scalable;

mod costs;
mod hostile;
mod layers;
mod lifecycle;
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
mod simulcast;
mod taps;
