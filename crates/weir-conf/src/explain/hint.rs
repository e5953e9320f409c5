//! What to do about a fault, where nginx's words alone say which it is.

/// A cure that the message suggests.
pub(super) fn by_message(message: &str) -> Option<&'static str> {
    let known = [
        (
            "no \"ssl_certificate\" is defined",
            "clients that name no server meet this one: give it `ssl_certificate` and `ssl_certificate_key`, or `ssl_reject_handshake on`",
        ),
        (
            "PEM routines::bad password read",
            "the key is encrypted: `ssl_password_file` names a file with its password, or `openssl pkey -in KEY -out FILE` decrypts it, into a file that only root may read",
        ),
        (
            "x509 certificate routines::key values mismatch",
            "the key is another certificate's: `openssl pkey -in KEY -pubout` and `openssl x509 -in CERTIFICATE -noout -pubkey` show the same of those that belong together",
        ),
        (
            "host not found in upstream",
            "names are looked up when the configuration is read: is it spelt right, and does `getent hosts NAME` know it here?",
        ),
        ("unexpected \";\"", "there is nothing before this `;`"),
        (
            "unexpected \"{\"",
            "the name of the block is missing before this `{`",
        ),
        (
            "unexpected \"}\"",
            "one `}` too many: no block is open here",
        ),
    ];
    known
        .into_iter()
        .find(|(words, _)| message.contains(words))
        .map(|(_, hint)| hint)
}
