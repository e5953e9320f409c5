//! weir-upstream.
