#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| weir_http2::fuzz::header_block(input));
