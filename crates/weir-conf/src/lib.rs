//! weir-conf.
