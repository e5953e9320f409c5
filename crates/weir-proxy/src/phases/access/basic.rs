//! `auth_basic`.

use std::fs::File;
use std::io;

use weir_wire::KnownField;

use super::{Answer, password, user_file};
use crate::facts::{Outcome, Session};
use crate::report::credentials::Credentials;
use crate::report::error_log::{self, Message};
use crate::report::variables;

/// Looks for the client's user in the file, and compares the password (`ngx_http_auth_basic_handler`).
pub(super) async fn check(session: &mut Session) -> Answer {
    let settings = session.settings();
    let (Some(realm), Some(file)) = (&settings.auth_basic, &settings.auth_basic_user_file) else {
        return Answer::Nothing;
    };
    let realm = variables::text(session.view(), realm);
    if realm == b"off" {
        return Answer::Nothing;
    }
    let sent = session.req.field(KnownField::Authorization);
    let Some(credentials) = sent.and_then(Credentials::read) else {
        let text = "no user/password was provided for basic authentication";
        error_log::info(session.view(), Message::text(text));
        return ask_for_login(session, &realm);
    };
    let path = variables::text(session.view(), file);
    let hash = match user_file::open(&path) {
        Ok(file) => find(session, file, &path, &credentials),
        Err(error) => return open_failed(session, &path, &error),
    };
    match hash {
        Ok(Some(hash)) => compare(session, credentials, hash, &realm).await,
        Ok(None) => ask_for_login(session, &realm),
        Err(failed) => failed,
    }
}

/// The user's hash; of a file that does not name the user, or cannot be read, the log is told.
fn find(
    session: &Session,
    file: File,
    path: &[u8],
    credentials: &Credentials,
) -> Result<Option<Vec<u8>>, Answer> {
    let hash = user_file::find(file, credentials.user_and_colon()).map_err(|error| {
        let text = [b"pread() \"", path, b"\" failed"].concat();
        error_log::log_call(session.view(), true, &text, &error);
        Answer::Ends(Outcome::Status(500))
    })?;
    if hash.is_none() {
        let user = credentials.user();
        let text = [b"user \"", user, b"\" was not found in \"", path, b"\""].concat();
        error_log::error(session.view(), Message::bytes(&text));
    }
    Ok(hash)
}

fn open_failed(session: &Session, path: &[u8], error: &io::Error) -> Answer {
    let is_missing = error.raw_os_error() == Some(libc::ENOENT);
    let text = [b"open() \"", path, b"\" failed"].concat();
    error_log::log_call(session.view(), !is_missing, &text, error);
    if is_missing {
        Answer::Refuses(403)
    } else {
        Answer::Ends(Outcome::Status(500))
    }
}

/// `ngx_http_auth_basic_crypt_handler`; hashes that take their time do so on another thread.
async fn compare(
    session: &mut Session,
    credentials: Credentials,
    hash: Vec<u8>,
    realm: &[u8],
) -> Answer {
    let user = credentials.user().to_vec();
    let slow = password::is_slow(&hash);
    let matches = move || password::matches(credentials.password(), &hash);
    let right = if slow {
        let made = tokio::task::spawn_blocking(matches).await;
        made.unwrap_or_else(|ended| Err(io::Error::other(ended)))
    } else {
        matches()
    };
    match right {
        Ok(true) => Answer::LetsIn,
        Ok(false) => {
            let text = [b"user \"", user.as_slice(), b"\": password mismatch"].concat();
            error_log::error(session.view(), Message::bytes(&text));
            ask_for_login(session, realm)
        }
        Err(error) => {
            error_log::crit(session.view(), Message::call("crypt_r() failed", &error));
            Answer::Ends(Outcome::Status(500))
        }
    }
}

/// `ngx_http_auth_basic_set_realm`.
fn ask_for_login(session: &mut Session, realm: &[u8]) -> Answer {
    let challenge = [b"Basic realm=\"", realm, b"\""].concat();
    let known = KnownField::WwwAuthenticate;
    let fields = &mut session.req.response.fields;
    fields.push(known, b"WWW-Authenticate", &challenge);
    Answer::Refuses(401)
}
