//! weir-proxy.
