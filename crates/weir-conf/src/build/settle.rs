//! A location's settings from what it and the blocks around it wrote.

use std::collections::VecDeque;
use std::sync::Arc;

use super::charset;
use super::level::Level;
use crate::model::{AccessLog, Active};
use crate::table::settings::{Settings, Written};
use crate::value::read::{Reading, Reject};
use crate::value::{
    HeaderNames, HostHeader, HttpVersion, LateText, NextUpstream, Redirect, RequestHeaders,
    SetHeader, TlsVersions, UserId, UserIdExpires, UserIdFlags, WrittenUserId,
};
use crate::{Fault, Place, Template};

/// Settles a location; `redirect` is what its `proxy_pass` makes of `proxy_redirect default`.
/// `None` after a fault, which is then noted.
pub(super) fn settle(
    level: &Level,
    redirect: Option<&Redirect>,
    cx: &mut Reading,
    at: &Place,
) -> Option<Arc<Settings>> {
    let written = &level.settings;
    let mut settings = match written.settle(cx) {
        Ok(settings) => settings,
        Err(reject) => {
            cx.faults.extend(reject.into_fault("default", at));
            return None;
        }
    };
    if let Err(text) = check_buffers(&settings, written) {
        cx.faults.push(Fault::emerg(text, Some(at.clone())));
        return None;
    }
    if written.secure_link_secret.value.is_some()
        && (written.secure_link.value.is_some() || written.secure_link_md5.value.is_some())
    {
        let text =
            "\"secure_link_secret\" cannot be mixed with \"secure_link\" and \"secure_link_md5\"";
        cx.faults.push(Fault::emerg(text, Some(at.clone())));
        return None;
    }
    settings.alias_len = level.alias_len;
    settings.access = level.access.settle();
    settings.userid = user_id(written, cx, at);
    settings.referers = level.referers.clone();
    settings.types = level
        .types
        .value
        .clone()
        .map_or_else(|| Arc::clone(&cx.types), Arc::new);
    if settings
        .access_log
        .iter()
        .any(|log| matches!(log, AccessLog::Off))
    {
        settings.access_log = Arc::new([AccessLog::Off]);
    }
    if settings.proxy_next_upstream.contains(NextUpstream::OFF) {
        settings.proxy_next_upstream = NextUpstream::OFF;
    }
    if !written.proxy_redirect.is_written() {
        settings.proxy_redirect = redirect.cloned().into_iter().collect();
    }
    settings.proxy_http_version = written.proxy_http_version.value.unwrap_or_else(|| {
        match cx.differences().upstream_http11_default {
            true => HttpVersion::Http11,
            false => HttpVersion::Http10,
        }
    });
    if written.proxy_ssl_protocols.value.is_none() && !cx.differences().tls_1_3_default {
        settings.proxy_ssl_protocols = TlsVersions::TLS_1_2;
    }
    let texts = late_texts(written, cx).map_err(|reject| reject.into_fault("proxy", at));
    match texts {
        Ok((body, headers)) => {
            settings.proxy_set_body = body;
            settings.proxy_set_header = request_headers(headers, cx);
        }
        Err(fault) => {
            cx.faults.extend(fault);
            return None;
        }
    }
    settings.hidden = hidden_headers(written);
    charset::note(&settings, cx);
    settings.active = Active::of(&settings);
    Some(share(settings, &mut cx.recent_settings))
}

/// `userid` and its kin; `None` where cookies are neither looked at nor set
/// (`ngx_http_userid_merge_conf`).
fn user_id(written: &Written, cx: &mut Reading, at: &Place) -> Option<Arc<UserId>> {
    let WrittenUserId::On(mode) = written.userid.value? else {
        return None;
    };
    let text =
        |value: &Option<Box<[u8]>>, default: &[u8]| value.clone().unwrap_or_else(|| default.into());
    Some(Arc::new(UserId {
        mode,
        service: written.userid_service.value,
        name: text(&written.userid_name.value, b"uid"),
        domain: text(&written.userid_domain.value, b""),
        path: text(&written.userid_path.value, b"; path=/"),
        expires: written
            .userid_expires
            .value
            .unwrap_or(UserIdExpires::WithBrowser),
        p3p: text(&written.userid_p3p.value, b""),
        mark: written.userid_mark.value.flatten(),
        flags: written.userid_flags.value.unwrap_or(UserIdFlags::OFF),
        reset: cx.variable("uid_reset", at),
    }))
}

/// Locations that are looked at for the same settings.
const RECENT: usize = 16;

/// One of `recent` if it says the same, which then stays among them. A thousand servers that differ in
/// their names only have the settings of one, which a worker finds in its caches.
fn share(settings: Settings, recent: &mut VecDeque<Arc<Settings>>) -> Arc<Settings> {
    let known = recent.iter().position(|known| **known == settings);
    let settings = known
        .and_then(|place| recent.remove(place))
        .unwrap_or_else(|| Arc::new(settings));
    recent.truncate(RECENT - 1);
    recent.push_front(settings.clone());
    settings
}

/// Checks that all sizes fit, those among them that default to others
/// (`ngx_http_proxy_merge_loc_conf`).
fn check_buffers(settings: &Settings, written: &Written) -> Result<(), String> {
    let buffers = settings.proxy_buffers;
    if buffers.count < 2 {
        return Err("there must be at least 2 \"proxy_buffers\"".to_owned());
    }
    let largest = settings.proxy_buffer_size.max(buffers.size);
    let twice = largest.saturating_mul(2);
    let or_twice = |value: Option<usize>| value.unwrap_or(twice);
    let busy = or_twice(written.proxy_busy_buffers_size.value);
    let too_small = |name: &str, off: &str| {
        format!(
            "\"{name}\" must be {off}equal to or greater than the maximum of the value of \
             \"proxy_buffer_size\" and one of the \"proxy_buffers\""
        )
    };
    if busy < largest {
        return Err(too_small("proxy_busy_buffers_size", ""));
    }
    if busy > buffers.size.saturating_mul(buffers.count - 1) {
        let text = "\"proxy_busy_buffers_size\" must be less than \
                    the size of all \"proxy_buffers\" minus one buffer";
        return Err(text.to_owned());
    }
    if or_twice(written.proxy_temp_file_write_size.value) < largest {
        return Err(too_small("proxy_temp_file_write_size", ""));
    }
    let most = settings.proxy_max_temp_file_size;
    if most != 0 && most < largest as u64 {
        let off = "equal to zero to disable temporary files usage or must be ";
        return Err(too_small("proxy_max_temp_file_size", off));
    }
    Ok(())
}

/// `proxy_set_body` and `proxy_set_header`s, whose variables nginx finds here
/// (`ngx_http_proxy_merge_loc_conf`).
fn late_texts(
    written: &Written,
    cx: &mut Reading,
) -> Result<(Option<Template>, Vec<SetHeader>), Reject> {
    let mut compile = |late: &LateText| cx.template(&late.text, &late.place);
    let body = written.proxy_set_body.value.as_ref();
    let body = body.map(&mut compile).transpose()?;
    let written = written.proxy_set_header.settle();
    let headers = written.iter().map(|header| {
        Ok(SetHeader {
            name: header.name.clone(),
            value: compile(&header.value)?,
        })
    });
    Ok((body, headers.collect::<Result<_, Reject>>()?))
}

/// The written headers, then nginx's own that were not written
/// (`ngx_http_proxy_init_headers`). Empty values stand for headers that are never sent, not even
/// when the client sent them.
fn request_headers(mut lines: Vec<SetHeader>, cx: &Reading) -> RequestHeaders {
    let host = match cx.differences().upstream_host_first {
        true => take_host(&mut lines),
        false => HostHeader::InOrder,
    };
    for (name, value) in default_headers(cx.differences().upstream_http11_default) {
        let same = |line: &SetHeader| line.name.eq_ignore_ascii_case(name.as_bytes());
        let apart = host != HostHeader::InOrder && name == "Host";
        if !apart && !lines.iter().any(same) {
            lines.push(SetHeader {
                name: name.as_bytes().into(),
                value: Template::compile(value.as_bytes()).unwrap_or_default(),
            });
        }
    }
    let apart = (host != HostHeader::InOrder).then(|| Box::from(b"Host".as_slice()));
    let names = lines.iter().map(|line| line.name.clone());
    let replaced = HeaderNames::new(names.chain(apart));
    lines.retain(|line| !line.value.is_empty());
    RequestHeaders {
        host,
        lines: lines.into(),
        replaced,
    }
}

/// Takes every `Host` out of `lines`; the last one counts.
fn take_host(lines: &mut Vec<SetHeader>) -> HostHeader {
    let hosts = lines.extract_if(.., |line| line.name.eq_ignore_ascii_case(b"host"));
    match hosts.last() {
        Some(host) => HostHeader::Written(host.value),
        None => HostHeader::Proxy,
    }
}

/// nginx's own headers of upstream requests; `modern`: those of 1.29.7 and later.
fn default_headers(modern: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    let connection = if modern { "" } else { "close" };
    let common = [
        ("Host", "$proxy_host"),
        ("Connection", connection),
        ("Content-Length", "$proxy_internal_body_length"),
        ("Transfer-Encoding", "$proxy_internal_chunked"),
        ("TE", ""),
        ("Keep-Alive", ""),
        ("Expect", ""),
        ("Upgrade", ""),
    ];
    common
        .into_iter()
        .chain(modern.then_some(("Proxy-Connection", "")))
}

/// nginx's list and `proxy_hide_header`, without `proxy_pass_header`
/// (`ngx_http_upstream_hide_headers_hash`).
fn hidden_headers(written: &Written) -> HeaderNames {
    const ALWAYS: [&str; 8] = [
        "date",
        "server",
        "x-pad",
        "x-accel-expires",
        "x-accel-redirect",
        "x-accel-limit-rate",
        "x-accel-buffering",
        "x-accel-charset",
    ];
    let hidden = written.proxy_hide_header.settle();
    let passed = written.proxy_pass_header.settle();
    HeaderNames::new(
        ALWAYS
            .into_iter()
            .chain(hidden.iter().map(String::as_str))
            .filter(|name| !passed.iter().any(|pass| pass == name))
            .map(|name| name.as_bytes().into()),
    )
}
