//! Answers of OpenAI's chat completions.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::answers::check(
    properties::answers::Api::ChatCompletions,
    bytes
));
