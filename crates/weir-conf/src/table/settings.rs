//! Directives of `http`, `server` and `location` that each location settles for itself.

use std::sync::Arc;
use std::time::Duration;

use super::arguments::http2::chunk_size;
use super::upstream::UpstreamSettings;
use super::{Arity, Entry, HTTP, LOCATION, SERVER, Support, directives};
use crate::Template;
use crate::model::{AccessLog, Active, ErrorLogTarget, LogFileCache, Referers};
use crate::value::read::{
    Call, Reading, Reject, access_log, add_header, add_trailer, alias, auth_request_set, bits,
    buffers, bytes, charset, conf_file, disable_symlinks, error_log, error_page, expires, flag,
    gzip_disable, gzip_hash, gzip_level, gzip_window, index, keepalive_timeout, keyword,
    limit_conn, limit_req, mark, media_types, memory_size, number, offset, open_log_file_cache,
    predicates, rate, real_ip_header, resolver, root, server_tokens, size, status_of_refusal,
    sub_filter, temp_path, template, template_or_off, text, text_or_none, text_or_off,
    texts_or_off, time, trusted, try_files, user_id_domain, user_id_expires, user_id_flags,
    user_id_mark, user_id_p3p, user_id_path,
};
use crate::value::{
    AccessRule, AddHeader, AddInherit, AuthRequestSet, AutoindexFormat, BodyFile, Buffers, Charset,
    ConnectionLimit, DisableSymlinks, ErrorPage, Expires, GzipDisable, GzipHttpVersion,
    GzipProxied, GzipStatic, IfModifiedSince, KeepaliveDisable, KeepaliveTimeout, LimitLogLevel,
    LingeringClose, MediaTypes, Network, RateLimit, RealIpHeader, RequestLimit, ResolverSpec,
    Satisfy, ServerTokens, SubFilter, TempPath, TryFiles, Types, UserId, UserIdExpires,
    UserIdFlags, WrittenUserId,
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
    /// The servers that are asked for names which come out of variables, and how long their answers hold
    /// (`valid=`); `ipv4=off` and `ipv6=off` leave one kind of addresses out.
    resolver: Maybe<Arc<ResolverSpec>> = resolver; in ALL, Arity::SOME;
    /// How long a name may take.
    resolver_timeout: One<Duration> = time, "30s"; in ALL;

    raw {
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
    }
    derived {
        /// `allow` and `deny` in the order written.
        access: Arc<[AccessRule]>,
        /// Cookies by which visitors are told apart.
        userid: Option<Arc<UserId>>,
        /// Pages that clients may come from; without `valid_referers` any.
        referers: Option<Arc<Referers>>,
        /// Media types of file extensions.
        types: Arc<Types>,
        /// Length of the location's name that `alias` replaces: `usize::MAX` in a
        /// regular-expression location, where `alias` is the whole path; `None` without `alias`.
        alias_len: Option<usize>,
        /// Phases and filters that these settings set up.
        active: Active,
        /// What upstreams obey that requests are passed to from here.
        upstream: UpstreamSettings,
    }
}
