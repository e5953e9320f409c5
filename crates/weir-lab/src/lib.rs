//! weir-lab.
