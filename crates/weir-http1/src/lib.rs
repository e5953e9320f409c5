//! weir-http1.
