//! nginx's built-in pages (`ngx_http_error_pages`), byte for byte.

/// Keeps old browsers from showing a page of their own instead.
const PADDING: &str = "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n";
const PADDING_LINES: usize = 6;

struct Page {
    title: &'static str,
    heading: &'static str,
    text: Option<&'static str>,
}

/// Body of the page for `status`, `None` if nginx has no page for it. `signature` is the text of
/// the last line: `nginx/VERSION` or `nginx`.
pub(crate) fn body(status: u16, signature: &str, page_407: bool, padded: bool) -> Option<String> {
    let page = page(status, page_407)?;
    let mut body = format!(
        "<html>\r\n<head><title>{}</title></head>\r\n<body>\r\n<center><h1>{}</h1></center>\r\n",
        page.title, page.heading
    );
    if let Some(text) = page.text {
        body.push_str(&format!("<center>{text}</center>\r\n"));
    }
    body.push_str(&format!(
        "<hr><center>{signature}</center>\r\n</body>\r\n</html>\r\n"
    ));
    if padded && status >= 400 {
        body.push_str(&PADDING.repeat(PADDING_LINES));
    }
    Some(body)
}

/// The page that sends old Internet Explorers on by a meta refresh (`msie_refresh`).
pub(crate) fn refresh(location: &[u8]) -> Vec<u8> {
    let mut body = b"<html><head><meta http-equiv=\"Refresh\" content=\"0; URL=".to_vec();
    weir_wire::uri::escape(location, weir_wire::uri::Escape::Refresh, &mut body);
    body.extend_from_slice(b"\"></head><body></body></html>\r\n");
    body
}

fn page(status: u16, page_407: bool) -> Option<Page> {
    let plain = |title| Page {
        title,
        heading: title,
        text: None,
    };
    let bad_request = |title, text| Page {
        title,
        heading: "400 Bad Request",
        text: Some(text),
    };
    Some(match status {
        301 => plain("301 Moved Permanently"),
        302 => plain("302 Found"),
        303 => plain("303 See Other"),
        307 => plain("307 Temporary Redirect"),
        308 => plain("308 Permanent Redirect"),
        400 => plain("400 Bad Request"),
        401 => plain("401 Authorization Required"),
        402 => plain("402 Payment Required"),
        403 => plain("403 Forbidden"),
        404 => plain("404 Not Found"),
        405 => plain("405 Not Allowed"),
        406 => plain("406 Not Acceptable"),
        407 if page_407 => plain("407 Proxy Authentication Required"),
        408 => plain("408 Request Time-out"),
        409 => plain("409 Conflict"),
        410 => plain("410 Gone"),
        411 => plain("411 Length Required"),
        412 => plain("412 Precondition Failed"),
        413 => plain("413 Request Entity Too Large"),
        414 => plain("414 Request-URI Too Large"),
        415 => plain("415 Unsupported Media Type"),
        416 => plain("416 Requested Range Not Satisfiable"),
        421 => plain("421 Misdirected Request"),
        429 => plain("429 Too Many Requests"),
        494 => bad_request(
            "400 Request Header Or Cookie Too Large",
            "Request Header Or Cookie Too Large",
        ),
        495 => bad_request("400 The SSL certificate error", "The SSL certificate error"),
        496 => bad_request(
            "400 No required SSL certificate was sent",
            "No required SSL certificate was sent",
        ),
        497 => bad_request(
            "400 The plain HTTP request was sent to HTTPS port",
            "The plain HTTP request was sent to HTTPS port",
        ),
        500 => plain("500 Internal Server Error"),
        501 => plain("501 Not Implemented"),
        502 => plain("502 Bad Gateway"),
        503 => plain("503 Service Temporarily Unavailable"),
        504 => plain("504 Gateway Time-out"),
        505 => plain("505 HTTP Version Not Supported"),
        507 => plain("507 Insufficient Storage"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::body;

    #[test]
    fn lengths_are_those_recorded_from_nginx() {
        let lengths = [
            (301, 169),
            (302, 145),
            (303, 153),
            (307, 171),
            (308, 171),
            (400, 157),
            (401, 179),
            (402, 167),
            (403, 153),
            (404, 153),
            (405, 157),
            (406, 163),
            (407, 193),
            (409, 151),
            (410, 143),
            (411, 165),
            (412, 173),
            (413, 183),
            (414, 177),
            (415, 179),
            (416, 197),
            (421, 173),
            (429, 169),
            (494, 233),
            (495, 215),
            (496, 237),
            (497, 255),
            (500, 177),
            (501, 165),
            (502, 157),
            (503, 197),
            (504, 167),
            (505, 187),
            (507, 175),
        ];
        for (status, length) in lengths {
            let page = body(status, "nginx/1.31.5", true, false).unwrap();
            assert_eq!(page.len(), length, "{status}");
        }
        assert_eq!(
            body(502, "nginx/1.31.5", true, true).unwrap().len(),
            157 + 402
        );
        assert_eq!(body(418, "nginx", true, false), None);
        assert_eq!(body(407, "nginx", false, false), None);
    }
}
