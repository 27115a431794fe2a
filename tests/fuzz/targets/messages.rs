//! Answers of Anthropic's Messages API.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::answers::check(
    properties::answers::Api::Messages,
    bytes
));
