//! What a location produces itself. (What it passes on is `exchange`.)

pub(crate) mod returned;
pub(crate) mod static_file;
