//! Directives of `http`, `server` and `location` that each location settles for itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::arguments::http2::chunk_size;
use super::{Arity, Entry, HTTP, LOCATION, SERVER, Support, directives};
use crate::Template;
use crate::model::{AccessLog, Active, ErrorLogTarget, LogFileCache, Referers};
use crate::value::read::{
    Call, Reading, Reject, access_log, add_header, add_trailer, alias, auth_request_set, bind,
    bits, buffers, bytes, certificate_cache, charset, ciphers, conf_file, cookie_domain,
    cookie_flags, cookie_path, count, disable_symlinks, error_log, error_page, expires, flag,
    gzip_disable, gzip_hash, gzip_level, gzip_window, header_name, http_version, index,
    keepalive_timeout, keyword, late_text, limit_conn, limit_req, mark, media_types, memory_size,
    number, offset, open_log_file_cache, passwords, predicates, rate, real_ip_header, redirect,
    resolver, root, server_tokens, set_header, size, status_of_refusal, sub_filter, temp_path,
    template, template_or_off, text, text_or_none, text_or_off, texts_or_off, time, tls_path,
    trusted, try_files, upstream_conf_command, upstream_credential, user_id_domain,
    user_id_expires, user_id_flags, user_id_mark, user_id_p3p, user_id_path, versions,
};
use crate::value::{
    AccessRule, AddHeader, AddInherit, AuthRequestSet, AutoindexFormat, Bind, BodyFile, Buffers,
    CertificateCache, Charset, Ciphers, ConfCommand, ConnectionLimit, CookieFlagsRule,
    CookieRewrite, Credential, DisableSymlinks, ErrorPage, Expires, GzipDisable, GzipHttpVersion,
    GzipProxied, GzipStatic, HeaderNames, HttpVersion, IfModifiedSince, IgnoreHeaders,
    KeepaliveDisable, KeepaliveTimeout, LateText, LimitLogLevel, LingeringClose, MediaTypes,
    Network, NextUpstream, Passwords, RateLimit, RealIpHeader, Redirect, RequestHeaders,
    RequestLimit, ResolverSpec, Satisfy, ServerTokens, SubFilter, TempPath, TlsVersions, TryFiles,
    Types, UserId, UserIdExpires, UserIdFlags, WrittenHeader, WrittenUserId,
};

const ALL: super::Contexts = super::Contexts(HTTP.0 | SERVER.0 | LOCATION.0);
const INNER: super::Contexts = super::Contexts(SERVER.0 | LOCATION.0);

directives! {
    /// What one location obeys, everything inherited and defaulted.
    Settings from Written;

    /// Directory that URIs are looked up in.
    root: One<Template> = root, "html"; in ALL;
    /// Directory that replaces the location's name in the path of a file.
    alias: Maybe<Template> = alias; in LOCATION;
    /// Files looked for when a URI ends with `/`.
    index: Many<Template> = index, "index.html"; in ALL, Arity::SOME;
    /// Symbolic links that lead to no file, and where paths may hold any.
    disable_symlinks: One<DisableSymlinks> = disable_symlinks, "off"; in ALL, Arity::between(1, 2);
    /// Bytes of an MP4 file's index that are read at once.
    mp4_buffer_size: One<usize> = size, "512k"; in ALL;
    /// Most bytes of such an index; a part of a file with a larger one is a 500.
    mp4_max_buffer_size: One<usize> = size, "10m"; in ALL;
    /// Whether a part of an MP4 file begins with a picture that needs no other.
    mp4_start_key_frame: One<bool> = flag, "off"; in ALL;
    /// Most bytes of a frame of an answer's body.
    http2_chunk_size: One<usize> = chunk_size, "8k"; in ALL;
    /// Whether any file of a folder is its index.
    random_index: One<bool> = flag, "off"; in LOCATION;
    /// Whether a folder without an index file is listed.
    autoindex: One<bool> = flag, "off"; in ALL;
    /// What such a list is written as.
    autoindex_format: One<AutoindexFormat> = keyword, "html"; in ALL;
    /// Whether it shows times in the local zone, if it is a page.
    autoindex_localtime: One<bool> = flag, "off"; in ALL;
    /// Whether it shows sizes in bytes, if it is a page.
    autoindex_exact_size: One<bool> = flag, "on"; in ALL;
    /// Media type of files whose extension is in no `types`.
    default_type: One<String> = text, "text/plain"; in ALL;
    /// What to answer instead of a status.
    error_page: Many<ErrorPage> = error_page; in ALL, Arity::between(2, usize::MAX);
    /// Where the same request goes on behind its answer, of which the client sees nothing: a path, or a named
    /// location.
    post_action: Maybe<Box<[u8]>> = bytes; in ALL;
    /// Whether `error_page` holds for answers that an `error_page` made.
    recursive_error_pages: One<bool> = flag, "off"; in ALL;
    /// Whether `rewrite` and the regular expressions of `if` say in the error log, at `[notice]`, what they
    /// did.
    rewrite_log: One<bool> = flag, "off"; in ALL;
    /// Whether the use of a variable that was never `set` is worth a warning.
    uninitialized_variable_warn: One<bool> = flag, "on"; in ALL;
    /// Only internal redirects get here; others see 404.
    internal: Mark<bool> = mark; in LOCATION, Arity::NONE;
    /// Balancers in front, whose word on who the client is is taken: address, network, `unix:` or a name.
    set_real_ip_from: Many<Network> = trusted; in ALL;
    /// The request header that has the word, or `proxy_protocol`.
    real_ip_header: One<RealIpHeader> = real_ip_header, "X-Real-IP"; in ALL;
    /// Whether a balancer's word about another one is followed by that one's.
    real_ip_recursive: One<bool> = flag, "off"; in ALL;
    /// Whether all checks of access must pass, or one: `allow` and `deny`, `auth_basic`, `auth_request`.
    satisfy: One<Satisfy> = keyword, "all"; in ALL;
    /// What users are asked to log in to; `off` asks nobody.
    auth_basic: Maybe<Template> = template; in ALL;
    /// The file of users and passwords; without one nobody is asked.
    auth_basic_user_file: Maybe<Template> = conf_file; in ALL;
    /// Where a subrequest asks whether the client may be answered: 2xx lets in, 401 and 403 refuse; `off`
    /// asks nobody.
    auth_request: Maybe<Option<Box<[u8]>>> = text_or_off; in ALL;
    /// A variable, and the value that it gets once the subrequest has been answered.
    auth_request_set: Many<AuthRequestSet> = auth_request_set; in ALL, Arity::TWO;
    /// The hash of a signed link in base64, and perhaps a comma and when it ends: what `$secure_link` checks.
    secure_link: Maybe<Template> = template; in ALL;
    /// What was signed, the secret included: the hash is its MD5.
    secure_link_md5: Maybe<Template> = template; in ALL;
    /// The secret of links that hold their hash in hexadecimal: `/PREFIX/HASH/LINK`.
    secure_link_secret: Maybe<Box<[u8]>> = bytes; in ALL;
    /// How long a refusal that asks for a login waits.
    auth_delay: One<Duration> = time, "0"; in ALL;
    /// Paths that the same request is sent to beside, by a subrequest whose answer nobody looks at.
    mirror: Many<Box<[u8]>> = texts_or_off; in ALL;
    /// Whether the request's body goes there, too; it is read whole before anybody is asked.
    mirror_request_body: One<bool> = flag, "on"; in ALL;
    /// Files to look for before the handler.
    try_files: Here<Arc<TryFiles>> = try_files; in INNER, Arity::between(2, usize::MAX);
    /// Whether missing files are worth an error line.
    log_not_found: One<bool> = flag, "on"; in ALL;
    /// weir's own: whether it is worth an error line why a failed request is not passed to another server.
    log_not_retried: One<bool> = flag, "off"; in ALL;
    /// weir's own: whether answers that it makes in the place of a failed upstream's say why, in a `Proxy-Status` field.
    proxy_status: One<bool> = flag, "off"; in ALL;
    /// Where access lines go.
    access_log: Many<AccessLog> = access_log, "logs/access.log combined"; in ALL, Arity::SOME;
    /// Whether subrequests have access lines of their own.
    log_subrequest: One<bool> = flag, "off"; in ALL;
    /// Which files stay open that access lines go to whose name has variables.
    open_log_file_cache: One<Option<LogFileCache>> = open_log_file_cache, "off"; in ALL, Arity::between(1, 4);
    /// Where error lines go, from which level on, and whether as JSON; without one, where those of the outermost
    /// level go.
    error_log: Many<ErrorLogTarget> = error_log; in ALL, Arity::SOME;
    /// weir's own: what error lines about a request say at their end, as `ctx`; `off` adds nothing.
    error_log_ctx: Maybe<Option<Template>> = template_or_off; in ALL;

    /// From the end of a response to the first byte of the next request.
    keepalive_timeout: One<KeepaliveTimeout> = keepalive_timeout, "75s"; in ALL, Arity::between(1, 2);
    /// Least time that a keep-alive connection stays, even if the worker is short of connections or
    /// leaves.
    keepalive_min_timeout: One<Duration> = time, "0"; in ALL;
    /// Requests over one connection.
    keepalive_requests: One<u64> = number, "1000"; in ALL;
    /// Age at which a connection is closed after a response.
    keepalive_time: One<Duration> = time, "1h"; in ALL;
    /// Browsers that get no keep-alive after a POST.
    keepalive_disable: Sum<KeepaliveDisable> = bits, "msie6"; in ALL, Arity::between(1, 2);
    /// Longest gap between two writes to the client.
    send_timeout: One<Duration> = time, "60s"; in ALL;
    /// Longest gap between two reads of the request body.
    client_body_timeout: One<Duration> = time, "60s"; in ALL;
    /// Biggest request body, bytes; 0 = any.
    client_max_body_size: One<u64> = offset, "1m"; in ALL;
    /// Bytes of a request body kept in memory.
    client_body_buffer_size: One<usize> = size, "8k"; in ALL;
    /// Where bigger request bodies go.
    client_body_temp_path: One<TempPath> = temp_path, "client_body_temp"; in ALL, Arity::between(1, 4);
    /// Whether a request body is always written to a file.
    client_body_in_file_only: One<BodyFile> = keyword, "off"; in ALL;
    /// Whether unread request data is read before a connection is closed.
    lingering_close: One<LingeringClose> = keyword, "on"; in ALL;
    /// Longest time of that reading in all.
    lingering_time: One<Duration> = time, "30s"; in ALL;
    /// Longest gap between two reads of it.
    lingering_timeout: One<Duration> = time, "5s"; in ALL;
    /// Whether a timed-out connection is reset, not closed.
    reset_timedout_connection: One<bool> = flag, "off"; in ALL;
    /// `TCP_NODELAY` on keep-alive connections.
    tcp_nodelay: One<bool> = flag, "on"; in ALL;
    /// Whether the log calls a failed write of a temporary file sendfile() or writev(); how bytes reach
    /// the socket does not hang on it.
    sendfile: One<bool> = flag, "off"; in ALL;
    /// A head of so many bytes goes to the client before the body of a buffered response; a shorter
    /// one waits for it. 0 = none waits.
    postpone_output: One<usize> = size, "1460"; in ALL;
    /// Bytes per second to the client; 0 = no limit.
    limit_rate: One<RateLimit> = rate, "0"; in ALL;
    /// Bytes before `limit_rate` holds.
    limit_rate_after: One<RateLimit> = rate, "0"; in ALL;
    /// How often clients may ask.
    limit_req: Many<RequestLimit> = limit_req; in ALL, Arity::between(1, 3);
    /// How grave it is that a request is refused for that; one that is delayed is one level less so.
    limit_req_log_level: One<LimitLogLevel> = keyword, "error"; in ALL;
    /// What a request is refused with that comes too soon.
    limit_req_status: One<u16> = status_of_refusal, "503"; in ALL;
    /// Whether requests that come too soon are told of only.
    limit_req_dry_run: One<bool> = flag, "off"; in ALL;
    /// How many requests of a client may be under way.
    limit_conn: Many<ConnectionLimit> = limit_conn; in ALL, Arity::TWO;
    /// How grave it is that a request is refused for that.
    limit_conn_log_level: One<LimitLogLevel> = keyword, "error"; in ALL;
    /// What a request is refused with that is one too many.
    limit_conn_status: One<u16> = status_of_refusal, "503"; in ALL;
    /// Whether requests beyond the limit are told of only.
    limit_conn_dry_run: One<bool> = flag, "off"; in ALL;
    /// What `Server:` and built-in pages show.
    server_tokens: One<ServerTokens> = server_tokens, "on"; in ALL;
    /// Whether redirects use the server's first name instead of the host asked for.
    server_name_in_redirect: One<bool> = flag, "off"; in ALL;
    /// Whether redirects name the port.
    port_in_redirect: One<bool> = flag, "on"; in ALL;
    /// Whether redirects name scheme and host.
    absolute_redirect: One<bool> = flag, "on"; in ALL;
    /// Whether short error pages are padded for MSIE and Chrome.
    msie_padding: One<bool> = flag, "on"; in ALL;
    /// Whether MSIE gets a refresh page instead of a redirect.
    msie_refresh: One<bool> = flag, "off"; in ALL;
    /// Whether static files have an `ETag`.
    etag: One<bool> = flag, "on"; in ALL;
    /// How `If-Modified-Since` is compared.
    if_modified_since: One<IfModifiedSince> = keyword, "exact"; in ALL;
    /// Most ranges of one request; 0 = ranges are off.
    max_ranges: One<u64> = number, "2147483647"; in ALL;
    /// Whether responses of unknown length are chunked.
    chunked_transfer_encoding: One<bool> = flag, "on"; in ALL;
    /// What `Expires` and `Cache-Control` say of successes.
    expires: One<Expires> = expires, "off"; in ALL, Arity::between(1, 2);
    /// The character set that responses of `charset_types` are told to be in, and recoded to.
    charset: One<Charset> = charset, "off"; in ALL;
    /// The character set of responses that do not tell theirs.
    source_charset: One<Charset> = charset, "off"; in ALL;
    /// Whether responses are recoded that tell theirs.
    override_charset: One<bool> = flag, "off"; in ALL;
    /// Media types of responses that get a `charset`.
    charset_types: Sum<MediaTypes> = media_types,
        "text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml";
        in ALL, Arity::SOME;
    /// A path whose content comes before responses of `addition_types`; an empty one is none.
    add_before_body: Maybe<Option<Box<[u8]>>> = text_or_none; in ALL;
    /// The same behind them.
    add_after_body: Maybe<Option<Box<[u8]>>> = text_or_none; in ALL;
    /// Media types of responses that such content is added to.
    addition_types: Sum<MediaTypes> = media_types, "text/html"; in ALL, Arity::SOME;
    /// Bytes of the parts that a response is asked for in, each by a request with `$slice_range`; 0: it is
    /// asked for as a whole.
    slice: One<usize> = size, "0"; in ALL;
    /// A text that is replaced in responses, and by what.
    sub_filter: Many<SubFilter> = sub_filter; in ALL, Arity::TWO;
    /// Media types of responses that texts are replaced in.
    sub_filter_types: Sum<MediaTypes> = media_types, "text/html"; in ALL, Arity::SOME;
    /// Whether each text is replaced once only.
    sub_filter_once: One<bool> = flag, "on"; in ALL;
    /// Whether such responses keep their `Last-Modified`, and a weak `ETag`.
    sub_filter_last_modified: One<bool> = flag, "off"; in ALL;
    /// Whether responses are compressed for clients that take it.
    gzip: One<bool> = flag, "off"; in ALL;
    /// Buffers for compressed bytes: they go on when one of this size is full, or none is to come.
    gzip_buffers: One<Buffers> = buffers, "32 4k"; in ALL, Arity::TWO;
    /// Media types of responses that are compressed.
    gzip_types: Sum<MediaTypes> = media_types, "text/html"; in ALL, Arity::SOME;
    /// How hard to compress, 1 to 9.
    gzip_comp_level: One<u32> = gzip_level, "1"; in ALL;
    /// How far back repetitions are looked for, bytes.
    gzip_window: One<u8> = gzip_window, "32k"; in ALL;
    /// Whether compressed bytes go on before a buffer is full.
    gzip_no_buffer: One<bool> = flag, "off"; in ALL;
    /// Length from which on responses are compressed, if it is known.
    gzip_min_length: One<u64> = memory_size, "20"; in ALL;
    /// Whether caches are told that a response depends on `Accept-Encoding`.
    gzip_vary: One<bool> = flag, "off"; in ALL;
    /// Least version of requests whose responses are compressed.
    gzip_http_version: One<GzipHttpVersion> = keyword, "1.1"; in ALL;
    /// Which responses to requests that came through a proxy are compressed.
    gzip_proxied: Sum<GzipProxied> = bits, "off"; in ALL, Arity::SOME;
    /// Browsers that get no compressed response, by `User-Agent`.
    gzip_disable: Sum<GzipDisable> = gzip_disable, ""; in ALL, Arity::SOME;
    /// Whether a compressed file beside the one that is asked for is sent instead.
    gzip_static: One<GzipStatic> = keyword, "off"; in ALL;
    /// Whether compressed responses are decompressed for clients that do not take them.
    gunzip: One<bool> = flag, "off"; in ALL;
    /// Headers added to responses.
    add_header: Many<AddHeader> = add_header; in ALL, Arity::between(2, 3);
    /// Trailers added to responses.
    add_trailer: Many<AddHeader> = add_trailer; in ALL, Arity::between(2, 3);
    /// Conditions under which a 103 of the upstream is passed on: one value neither empty nor `0`.
    early_hints: Many<Template> = predicates; in ALL, Arity::SOME;

    /// Whether responses are gathered in buffers before they go to the client.
    proxy_buffering: One<bool> = flag, "on"; in ALL;
    /// Whether a request body is read whole before the upstream is asked.
    proxy_request_buffering: One<bool> = flag, "on"; in ALL;
    /// Whether the upstream exchange goes on when the client is gone.
    proxy_ignore_client_abort: One<bool> = flag, "off"; in ALL;
    /// Whether `error_page` holds for upstream statuses of 300 and more.
    proxy_intercept_errors: One<bool> = flag, "off"; in ALL;
    /// Whether the client's headers are passed.
    proxy_pass_request_headers: One<bool> = flag, "on"; in ALL;
    /// Whether the client's body is passed.
    proxy_pass_request_body: One<bool> = flag, "on"; in ALL;
    /// Whether trailers are passed.
    proxy_pass_trailers: One<bool> = flag, "off"; in ALL;
    /// From the start of connecting to an established connection.
    proxy_connect_timeout: One<Duration> = time, "60s"; in ALL;
    /// Longest gap between two writes of the request.
    proxy_send_timeout: One<Duration> = time, "60s"; in ALL;
    /// From the sent request to the whole response head; then the longest gap between two reads.
    proxy_read_timeout: One<Duration> = time, "60s"; in ALL;
    /// The servers that are asked for names which come out of variables, and how long their answers hold
    /// (`valid=`); `ipv4=off` and `ipv6=off` leave one kind of addresses out.
    resolver: Maybe<Arc<ResolverSpec>> = resolver; in ALL, Arity::SOME;
    /// How long a name may take.
    resolver_timeout: One<Duration> = time, "30s"; in ALL;
    /// Bytes for the response head.
    proxy_buffer_size: One<usize> = size, "4k"; in ALL;
    /// Buffers for the response body.
    proxy_buffers: One<Buffers> = buffers, "8 4k"; in ALL, Arity::TWO;
    /// Biggest temporary file of a response, bytes; 0 = none.
    proxy_max_temp_file_size: One<u64> = memory_size, "1024m"; in ALL;
    /// Where temporary files of responses go.
    proxy_temp_path: One<TempPath> = temp_path, "proxy_temp"; in ALL, Arity::between(1, 4);
    /// Bytes per second from the upstream; 0 = no limit.
    proxy_limit_rate: One<RateLimit> = rate, "0"; in ALL;
    /// Whether ranges are cut here even if the upstream does not claim to support them.
    proxy_force_ranges: One<bool> = flag, "off"; in ALL;
    /// Method of upstream requests; without it, the client's.
    proxy_method: Maybe<Template> = template; in ALL;
    /// Upstream response headers without effect.
    proxy_ignore_headers: Sum<IgnoreHeaders> = bits, ""; in ALL, Arity::SOME;
    /// When a request is passed to the next server.
    proxy_next_upstream: Sum<NextUpstream> = bits, "error timeout"; in ALL, Arity::SOME;
    /// Most tries; 0 = as many as there are servers.
    proxy_next_upstream_tries: One<u32> = count, "0"; in ALL;
    /// From the first try to the start of the last; zero = no limit.
    proxy_next_upstream_timeout: One<Duration> = time, "0"; in ALL;
    /// Changes of `Location` and `Refresh`; without one, what `default` means.
    proxy_redirect: Many<Redirect> = redirect; in ALL, Arity::between(1, 2);
    /// Changes of the `Domain` of cookies.
    proxy_cookie_domain: Many<CookieRewrite> = cookie_domain; in ALL, Arity::between(1, 2);
    /// Changes of the `Path` of cookies.
    proxy_cookie_path: Many<CookieRewrite> = cookie_path; in ALL, Arity::between(1, 2);
    /// Changes of the flags of cookies.
    proxy_cookie_flags: Many<CookieFlagsRule> = cookie_flags; in ALL, Arity::between(1, 4);
    /// Local address of upstream connections; `off` = the system's choice.
    proxy_bind: Maybe<Option<Bind>> = bind; in ALL, Arity::between(1, 2);
    /// `SO_KEEPALIVE` on upstream connections.
    proxy_socket_keepalive: One<bool> = flag, "off"; in ALL;
    /// `SO_RCVBUF` of upstream connections, bytes; 0 = the system's.
    proxy_socket_rcvbuf: One<usize> = size, "0"; in ALL;
    /// `SO_SNDBUF` of upstream connections, bytes; 0 = the system's.
    proxy_socket_sndbuf: One<usize> = size, "0"; in ALL;
    /// Versions of TLS that upstreams may speak. weir has TLS 1.2 and 1.3; before nginx 1.23.4 1.3 must be named.
    proxy_ssl_protocols: Sum<TlsVersions> = versions, "TLSv1.2 TLSv1.3"; in ALL, Arity::SOME;
    /// Cipher suites up to TLS 1.2 that upstreams are offered, in OpenSSL's language; weir has ECDHE with AES-GCM
    /// and ChaCha20, and without this offers all of them.
    proxy_ssl_ciphers: Maybe<Ciphers> = ciphers; in ALL;
    /// Whether later handshakes with a peer go on with what earlier ones have settled.
    proxy_ssl_session_reuse: One<bool> = flag, "on"; in ALL;
    /// The name that an upstream's certificate must have, and that it is told; without one, `$proxy_host`'s.
    proxy_ssl_name: Maybe<Template> = template; in ALL;
    /// Whether upstreams are told which name is wanted (SNI).
    proxy_ssl_server_name: One<bool> = flag, "off"; in ALL;
    /// Whether an upstream's certificate must be one of a trusted authority's, and have the name.
    proxy_ssl_verify: One<bool> = flag, "off"; in ALL;
    /// Most certificates between an upstream's and the authority's.
    proxy_ssl_verify_depth: One<u32> = count, "1"; in ALL;
    /// A file of authorities that are trusted.
    proxy_ssl_trusted_certificate: Maybe<Option<PathBuf>> = tls_path; in ALL;
    /// A file of lists of certificates that were revoked; there must be one of each authority in the chain.
    proxy_ssl_crl: Maybe<Option<PathBuf>> = tls_path; in ALL;
    /// A certificate that upstreams are shown that ask for one; variables are read for each connection.
    proxy_ssl_certificate: Maybe<Credential> = upstream_credential; in ALL;
    /// The certificate's key: PKCS#1, PKCS#8 or SEC1.
    proxy_ssl_certificate_key: Maybe<Credential> = upstream_credential; in ALL;
    /// A file with a password on each line, which are tried on encrypted keys.
    proxy_ssl_password_file: Maybe<Passwords> = passwords; in ALL;
    /// A line of OpenSSL's own configuration: `MinProtocol`, `MaxProtocol`, `Protocol`, `CipherString`, `Ciphersuites`, `Curves`,
    /// `Groups`, and of `Options` `SessionTicket`; of others a warning says that nothing comes.
    proxy_ssl_conf_command: Many<ConfCommand> = upstream_conf_command; in ALL, Arity::TWO;
    /// Whether certificates whose names have variables are kept, how many, and for how long.
    proxy_ssl_certificate_cache: Maybe<Option<Arc<CertificateCache>>> = certificate_cache; in ALL, Arity::between(1, 3);

    raw {
        /// Version of upstream requests; 1.1, before nginx 1.29.7 1.0.
        proxy_http_version: Maybe<HttpVersion> = http_version; in ALL;
        /// A header of upstream requests.
        proxy_set_header: Many<WrittenHeader> = set_header; in ALL, Arity::TWO;
        /// Body of upstream requests; without it, the client's.
        proxy_set_body: Maybe<LateText> = late_text; in ALL;
        /// A response header that is not passed on.
        proxy_hide_header: Many<String> = header_name; in ALL;
        /// A response header that is passed on though it is usually not.
        proxy_pass_header: Many<String> = header_name; in ALL;
        /// Whether visitors get a cookie by which they are told apart (`v1`: of an older form), or theirs is
        /// only logged.
        userid: One<WrittenUserId> = keyword, "off"; in ALL;
        /// Where the cookie was given out, as a number; without it, the server's address, of `v1` 0.
        userid_service: Maybe<u64> = number; in ALL;
        /// The cookie's name.
        userid_name: One<Box<[u8]>> = bytes, "uid"; in ALL;
        /// The cookie's domain.
        userid_domain: One<Box<[u8]>> = user_id_domain, "none"; in ALL;
        /// The cookie's path.
        userid_path: One<Box<[u8]>> = user_id_path, "/"; in ALL;
        /// How long browsers keep the cookie.
        userid_expires: One<UserIdExpires> = user_id_expires, "off"; in ALL;
        /// A `P3P` header that comes with the cookie.
        userid_p3p: One<Box<[u8]>> = user_id_p3p, "none"; in ALL;
        /// A letter or digit that each cookie is to have; one without it is sent again, with it.
        userid_mark: One<Option<u8>> = user_id_mark, "off"; in ALL;
        /// Attributes of the cookie.
        userid_flags: Sum<UserIdFlags> = user_id_flags, "off"; in ALL, Arity::between(1, 3);
        /// What `add_header`s of outer blocks are worth: `off` nothing, `merge` something beside one's
        /// own, too.
        add_header_inherit: One<AddInherit> = keyword, "on"; in ALL;
        /// The same of `add_trailer`s.
        add_trailer_inherit: One<AddInherit> = keyword, "on"; in ALL;
    }
    checked {
        /// Bytes of zlib's table of repetitions.
        gzip_hash: One<u8> = gzip_hash, "64k"; in ALL;
            because "zlib-rs's table is as large as its level wants it";
        /// Bytes that are gathered before compression begins.
        postpone_gzipping: One<usize> = size, "0"; in ALL;
            because "compressors are kept from one response to the next, so that beginning early costs nothing";
        /// Whether a request body in memory is in one buffer.
        client_body_in_single_buffer: One<bool> = flag, "off"; in ALL;
            because "a request body in memory is always in one buffer";
        /// Bytes per sendfile call.
        sendfile_max_chunk: One<usize> = size, "2m"; in ALL;
            because "no write is long enough to keep other clients waiting";
        /// Whether packets are filled before they are sent, with `sendfile`.
        tcp_nopush: One<bool> = flag, "off"; in ALL;
            because "head and beginning of a file are one write, so that packets are filled";
        /// Bytes of a response that may be on their way to the client while the upstream is read;
        /// without it, twice the larger of `proxy_buffer_size` and one of the `proxy_buffers`.
        proxy_busy_buffers_size: Maybe<usize> = size; in ALL;
            because "what is ready is written, whatever its size";
        /// Bytes written to the temporary file at once; without it, twice the larger of
        /// `proxy_buffer_size` and one of the `proxy_buffers`.
        proxy_temp_file_write_size: Maybe<usize> = size; in ALL;
            because "what waits in memory is written to the file at once, whatever its size";
    }
    derived {
        /// Body of upstream requests; without it, the client's.
        proxy_set_body: Option<Template>,
        /// `allow` and `deny` in the order written.
        access: Arc<[AccessRule]>,
        /// Cookies by which visitors are told apart.
        userid: Option<Arc<UserId>>,
        /// Pages that clients may come from; without `valid_referers` any.
        referers: Option<Arc<Referers>>,
        /// Media types of file extensions.
        types: Arc<Types>,
        /// Version of upstream requests.
        proxy_http_version: HttpVersion,
        /// Headers of upstream requests. `Content-Length` and `Transfer-Encoding` come from
        /// [`crate::Variable::ProxyInternalBodyLength`] and
        /// [`crate::Variable::ProxyInternalChunked`] unless written.
        proxy_set_header: RequestHeaders,
        /// Response headers not passed on: nginx's own list, `proxy_hide_header`, without
        /// `proxy_pass_header`.
        hidden: HeaderNames,
        /// Length of the location's name that `alias` replaces: `usize::MAX` in a
        /// regular-expression location, where `alias` is the whole path; `None` without `alias`.
        alias_len: Option<usize>,
        /// Phases and filters that these settings set up.
        active: Active,
    }
}
