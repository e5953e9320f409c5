//! Whether a request may be answered, by the certificate that its client has shown
//! (`ngx_http_process_request`, `ngx_http_set_virtual_server`).

use weir_conf::VerifyClient;

use crate::facts::View;
use crate::report::error_log::{self, Message};

/// What a server says of a client's certificate.
///
/// # Errors
///
/// It is not one that the server takes, or there is none: the status, of which the log has been told.
pub(crate) fn check(view: View<'_>) -> Result<(), u16> {
    let Some(tls) = view.link.tls() else {
        return Ok(());
    };
    let mode = view.server().tls.ssl_verify_client;
    if mode == VerifyClient::Off {
        return Ok(());
    }
    match &tls.client {
        Some(client) => {
            let fault = client.fault;
            let fault =
                fault.filter(|fault| mode != VerifyClient::OptionalNoCa || !fault.is_of_trust());
            let Some(fault) = fault else {
                return Ok(());
            };
            let (number, words) = (fault.number(), fault.words());
            let text = format!("client SSL certificate verify error: ({number}:{words})");
            error_log::info(view, Message::text(&text));
            Err(495)
        }
        None if mode == VerifyClient::On => {
            let text = "client sent no required SSL certificate";
            error_log::info(view, Message::text(text));
            Err(496)
        }
        None => Ok(()),
    }
}

/// Whether a host that is asked for is the one of the handshake, or its server, `index` of `Http::servers`,
/// asks nobody for a certificate.
///
/// # Errors
///
/// The status, of which the log has been told.
pub(crate) fn check_host(view: View<'_>, host: &[u8], index: usize) -> Result<(), u16> {
    let Some(name) = view.link.negotiated_name() else {
        return Ok(());
    };
    let server = &view.link.plan.http().servers[index];
    let asks = server.tls.ssl_verify_client != VerifyClient::Off;
    if !asks
        || name
            .trim_end_matches('.')
            .as_bytes()
            .eq_ignore_ascii_case(host)
    {
        return Ok(());
    }
    let text =
        "client attempted to request the server name different from the one that was negotiated";
    error_log::info(view, Message::text(text));
    Err(421)
}
