#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| weir_wire::fuzz::chunked_body(input));
