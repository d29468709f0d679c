//! Dependency descriptors, and a forwarder fed with frames that they tell of.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::dependency_descriptor::run(data));
