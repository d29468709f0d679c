//! Reading request bodies.
