//! What upstreams obey, from what a location and the blocks around it wrote for their family.

use crate::table::upstream::{Family, UpstreamSettings, WrittenUpstream};
use crate::value::read::{Reading, Reject, default, temp_path};
use crate::value::{
    HeaderNames, HostHeader, HttpVersion, LateText, NextUpstream, Redirect, RequestHeaders,
    SetHeader, TlsVersions,
};
use crate::{Fault, Place, Template};

/// Settles a family's directives in a location; `redirect` is what its `proxy_pass` makes of `proxy_redirect default`.
/// `None` after a fault, which is then noted.
pub(super) fn settle(
    family: Family,
    written: &WrittenUpstream,
    redirect: Option<&Redirect>,
    cx: &mut Reading,
    at: &Place,
) -> Option<UpstreamSettings> {
    match settled(family, written, redirect, cx) {
        Ok(settings) => Some(settings),
        Err(Unsettled::Rejected(name, reject)) => {
            cx.faults.extend(reject.into_fault(name, at));
            None
        }
        Err(Unsettled::Sizes(text)) => {
            cx.faults.push(Fault::emerg(text, Some(at.clone())));
            None
        }
    }
}

/// Why there are no settings.
enum Unsettled {
    /// A directive of this name has a value that cannot be.
    Rejected(&'static str, Reject),
    /// Sizes that do not fit each other.
    Sizes(String),
}

fn settled(
    family: Family,
    written: &WrittenUpstream,
    redirect: Option<&Redirect>,
    cx: &mut Reading,
) -> Result<UpstreamSettings, Unsettled> {
    let settled = written.settle(cx);
    let rejected = |reject| Unsettled::Rejected("default", reject);
    let mut settings = settled.map_err(rejected)?;
    check_buffers(family, &settings, written).map_err(Unsettled::Sizes)?;
    if settings.next_upstream.contains(NextUpstream::OFF) {
        settings.next_upstream = NextUpstream::OFF;
    }
    if !written.redirect.is_written() {
        settings.redirect = redirect.cloned().into_iter().collect();
    }
    let newest = cx.differences().upstream_http11_default;
    settings.http_version = written.http_version.value.unwrap_or(match newest {
        true => HttpVersion::Http11,
        false => HttpVersion::Http10,
    });
    if written.ssl_protocols.value.is_none() && !cx.differences().tls_1_3_default {
        settings.ssl_protocols = TlsVersions::TLS_1_2;
    }
    settings.temp_path = match &written.temp_path.value {
        Some(path) => path.clone(),
        None => default(temp_path, "proxy_temp", cx).map_err(rejected)?,
    };
    let (body, headers) =
        late_texts(written, cx).map_err(|reject| Unsettled::Rejected("proxy", reject))?;
    settings.set_body = body;
    settings.set_header = request_headers(headers, cx);
    settings.hidden = hidden_headers(written);
    Ok(settings)
}

/// Checks that all sizes fit, those among them that default to others
/// (`ngx_http_proxy_merge_loc_conf`).
fn check_buffers(
    family: Family,
    settings: &UpstreamSettings,
    written: &WrittenUpstream,
) -> Result<(), String> {
    let prefix = family.prefix();
    let buffers = settings.buffers;
    if buffers.count < 2 {
        return Err(format!("there must be at least 2 \"{prefix}buffers\""));
    }
    let largest = settings.buffer_size.max(buffers.size);
    let twice = largest.saturating_mul(2);
    let or_twice = |value: Option<usize>| value.unwrap_or(twice);
    let busy = or_twice(written.busy_buffers_size.value);
    let too_small = |name: &str, off: &str| {
        format!(
            "\"{prefix}{name}\" must be {off}equal to or greater than the maximum of the value of \
             \"{prefix}buffer_size\" and one of the \"{prefix}buffers\""
        )
    };
    if busy < largest {
        return Err(too_small("busy_buffers_size", ""));
    }
    if busy > buffers.size.saturating_mul(buffers.count - 1) {
        return Err(format!(
            "\"{prefix}busy_buffers_size\" must be less than the size of all \"{prefix}buffers\" minus one buffer"
        ));
    }
    if or_twice(written.temp_file_write_size.value) < largest {
        return Err(too_small("temp_file_write_size", ""));
    }
    let most = settings.max_temp_file_size;
    if most != 0 && most < largest as u64 {
        let off = "equal to zero to disable temporary files usage or must be ";
        return Err(too_small("max_temp_file_size", off));
    }
    Ok(())
}

/// `proxy_set_body` and `proxy_set_header`s, whose variables nginx finds here
/// (`ngx_http_proxy_merge_loc_conf`).
fn late_texts(
    written: &WrittenUpstream,
    cx: &mut Reading,
) -> Result<(Option<Template>, Vec<SetHeader>), Reject> {
    let mut compile = |late: &LateText| cx.template(&late.text, &late.place);
    let body = written.set_body.value.as_ref();
    let body = body.map(&mut compile).transpose()?;
    let written = written.set_header.settle();
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
fn hidden_headers(written: &WrittenUpstream) -> HeaderNames {
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
    let hidden = written.hide_header.settle();
    let passed = written.pass_header.settle();
    HeaderNames::new(
        ALWAYS
            .into_iter()
            .chain(hidden.iter().map(String::as_str))
            .filter(|name| !passed.iter().any(|pass| pass == name))
            .map(|name| name.as_bytes().into()),
    )
}
