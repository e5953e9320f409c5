//! Which phases and filters a location has given something to do.

use crate::table::settings::Settings;
use crate::value::{Charset, Expires, Expiry};

/// Phases and header filters that a location has set up. A request meets these, and passes all others by
/// without asking their settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Active(u16);

impl Active {
    /// `set_real_ip_from`.
    pub const REAL_IP: Self = Self(1);
    /// `limit_req`.
    pub const LIMIT_REQ: Self = Self(1 << 1);
    /// `limit_conn`.
    pub const LIMIT_CONN: Self = Self(1 << 2);
    /// `allow` and `deny`.
    pub const ADDRESS: Self = Self(1 << 3);
    /// `auth_basic` with its file.
    pub const LOGIN: Self = Self(1 << 4);
    /// `auth_request`.
    pub const AUTH_REQUEST: Self = Self(1 << 5);
    /// `try_files`.
    pub const TRY_FILES: Self = Self(1 << 6);
    /// `mirror`.
    pub const MIRROR: Self = Self(1 << 7);
    /// `expires`, `add_header`, `add_trailer` and `proxy_status`.
    pub const HEADERS: Self = Self(1 << 8);
    /// `gunzip`.
    pub const GUNZIP: Self = Self(1 << 9);
    /// `sub_filter`.
    pub const SUB: Self = Self(1 << 10);
    /// `charset`.
    pub const CHARSET: Self = Self(1 << 11);
    /// `gzip`.
    pub const GZIP: Self = Self(1 << 12);
    /// `userid`.
    pub const USERID: Self = Self(1 << 14);
    /// `add_before_body` and `add_after_body`.
    pub const ADDITION: Self = Self(1 << 13);

    /// What comes between the statements of a location and its content.
    pub const BEFORE_CONTENT: Self = Self(
        Self::REAL_IP.0
            | Self::LIMIT_REQ.0
            | Self::LIMIT_CONN.0
            | Self::ADDRESS.0
            | Self::LOGIN.0
            | Self::AUTH_REQUEST.0
            | Self::TRY_FILES.0
            | Self::MIRROR.0,
    );

    /// What `settings` set up.
    pub(crate) fn of(settings: &Settings) -> Self {
        let login = settings.auth_basic.is_some() && settings.auth_basic_user_file.is_some();
        let headers = settings.expires != Expires::Fixed(Expiry::Off)
            || !settings.add_header.is_empty()
            || !settings.add_trailer.is_empty()
            || settings.proxy_status;
        let added = [&settings.add_before_body, &settings.add_after_body];
        let addition = added.iter().any(|path| matches!(path, Some(Some(_))));
        [
            (Self::REAL_IP, !settings.set_real_ip_from.is_empty()),
            (Self::LIMIT_REQ, !settings.limit_req.is_empty()),
            (Self::LIMIT_CONN, !settings.limit_conn.is_empty()),
            (Self::ADDRESS, !settings.access.is_empty()),
            (Self::LOGIN, login),
            (
                Self::AUTH_REQUEST,
                matches!(settings.auth_request, Some(Some(_))),
            ),
            (Self::TRY_FILES, settings.try_files.is_some()),
            (Self::MIRROR, !settings.mirror.is_empty()),
            (Self::HEADERS, headers),
            (Self::GUNZIP, settings.gunzip),
            (Self::SUB, !settings.sub_filter.is_empty()),
            (Self::CHARSET, settings.charset != Charset::Off),
            (Self::GZIP, settings.gzip),
            (Self::ADDITION, addition),
            (Self::USERID, settings.userid.is_some()),
        ]
        .into_iter()
        .filter(|(_, is_set_up)| *is_set_up)
        .fold(Self::default(), |all, (one, _)| Self(all.0 | one.0))
    }

    /// Whether one of `others` is among these.
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// These and `others`.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}
