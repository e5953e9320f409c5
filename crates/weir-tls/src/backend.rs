//! Who does rustls's arithmetic: aws-lc-rs, or ring where only that is wanted.

#[cfg(feature = "aws-lc-rs")]
pub(crate) use rustls::crypto::aws_lc_rs::{
    Ticketer, cipher_suite, default_provider, kx_group, sign::any_supported_type,
};
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
pub(crate) use rustls::crypto::ring::{
    Ticketer, cipher_suite, default_provider, kx_group, sign::any_supported_type,
};

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("TLS needs a provider: the feature `aws-lc-rs` or `ring`");
