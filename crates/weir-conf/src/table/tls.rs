//! TLS to clients, which a server has before it knows of any location.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Arity, Entry, HTTP, SERVER, Support, directives};
use crate::value::read::{
    Call, Reading, Reject, certificate_cache, ciphers, conf_command, conf_path_or_none, conf_paths,
    dh_parameters, flag, groups, keyword, number, passwords, seconds, server_credential,
    session_cache, size, text_if_any, versions,
};
use crate::value::{
    CertificateCache, Ciphers, ConfCommand, Credential, DhParameters, Passwords, SessionCache,
    TlsGroups, TlsVersions, VerifyClient,
};

const BOTH: super::Contexts = super::Contexts(HTTP.0 | SERVER.0);

directives! {
    /// What a server that is listened for with `ssl` shows its clients.
    ServerTls from WrittenTls;

    /// A certificate, with those that vouch for it behind it; one for each kind of key. If its name or its key's has
    /// variables, all of the server are read in each handshake.
    ssl_certificate: Many<Credential> = server_credential; in BOTH;
    /// The key of a certificate: PKCS#1, PKCS#8 or SEC1.
    ssl_certificate_key: Many<Credential> = server_credential; in BOTH;
    /// Whether certificates and keys that are read in handshakes are kept, how many, and for how long.
    ssl_certificate_cache: Maybe<Option<Arc<CertificateCache>>> = certificate_cache; in BOTH, Arity::between(1, 3);
    /// A file with a password on each line, which are tried on encrypted keys.
    ssl_password_file: Maybe<Passwords> = passwords; in BOTH;
    /// Versions that clients may speak. weir has TLS 1.2 and 1.3; before nginx 1.23.4 1.3 must be named.
    ssl_protocols: Sum<TlsVersions> = versions, "TLSv1.2 TLSv1.3"; in BOTH, Arity::SOME;
    /// Cipher suites up to TLS 1.2, in OpenSSL's language; weir has ECDHE with AES-GCM and ChaCha20.
    ssl_ciphers: One<Ciphers> = ciphers, "HIGH:!aNULL:!MD5"; in BOTH;
    /// Whether the server's order of suites decides, and not the client's.
    ssl_prefer_server_ciphers: One<bool> = flag, "off"; in BOTH;
    /// Groups for the exchange of keys, `:` between them; weir has X25519, prime256v1, secp384r1 and X25519MLKEM768.
    ssl_ecdh_curve: One<TlsGroups> = groups, "auto"; in BOTH;
    /// Most bytes of a record.
    ssl_buffer_size: One<usize> = size, "16k"; in BOTH;
    /// Where sessions are kept that clients come back to.
    ssl_session_cache: Sum<SessionCache> = session_cache, "none"; in BOTH, Arity::between(1, 2);
    /// For how long clients may come back to a session.
    ssl_session_timeout: One<Duration> = seconds, "5m"; in BOTH;
    /// Whether clients keep their sessions themselves, encrypted.
    ssl_session_tickets: One<bool> = flag, "on"; in BOTH;
    /// Whether handshakes are refused: in a default server those for names that nobody has.
    ssl_reject_handshake: One<bool> = flag, "off"; in BOTH;
    /// Whether clients are asked for certificates, and must have one that is trusted.
    ssl_verify_client: One<VerifyClient> = keyword, "off"; in BOTH;
    /// Most certificates between a client's and one that is trusted.
    ssl_verify_depth: One<usize> = number, "1"; in BOTH;
    /// Certificates that clients' are to lead to; clients are told their names.
    ssl_client_certificate: One<Option<PathBuf>> = conf_path_or_none, ""; in BOTH;
    /// The same, without telling clients.
    ssl_trusted_certificate: One<Option<PathBuf>> = conf_path_or_none, ""; in BOTH;
    /// Lists of certificates that are good no longer, one at least for each issuer.
    ssl_crl: One<Option<PathBuf>> = conf_path_or_none, ""; in BOTH;
    /// Whether OCSP responses are shown to clients with certificates, asked for where no file has one.
    ssl_stapling: One<bool> = flag, "off"; in BOTH;
    /// Whether it is verified that those who answer are trusted.
    ssl_stapling_verify: One<bool> = flag, "off"; in BOTH;
    /// A file with the response, in DER.
    ssl_stapling_file: One<Option<PathBuf>> = conf_path_or_none, ""; in BOTH;
    /// The URL that is asked in place of the certificate's.
    ssl_stapling_responder: One<Option<String>> = text_if_any, ""; in BOTH;
    /// Files of 48 or 80 random bytes that tickets are encrypted with, by the first, and decrypted; without one weir
    /// makes keys of its own.
    ssl_session_ticket_key: Many<PathBuf> = conf_paths; in BOTH;
    /// A line of OpenSSL's own configuration: `MinProtocol`, `MaxProtocol`, `Protocol`, `CipherString`, `Ciphersuites`, `Curves`,
    /// `Groups`, `NumTickets`, and of `Options` `ServerPreference` and `SessionTicket`.
    ssl_conf_command: Many<ConfCommand> = conf_command; in BOTH, Arity::TWO;
    /// Whether certificates are compressed, by zlib, for clients that can do that.
    ssl_certificate_compression: One<bool> = flag, "off"; in BOTH;
    /// Whether requests are taken from what clients of TLS 1.3 send with the first flight, which somebody may have
    /// recorded and sent again; the default server of an address decides for all.
    ssl_early_data: One<bool> = flag, "off"; in BOTH;
    raw {}
    checked {
        /// Parameters for DHE.
        ssl_dhparam: Maybe<DhParameters> = dh_parameters; in BOTH;
            because "only ECDHE is offered, whose groups are ssl_ecdh_curve's";
    }
    derived {}
}
