//! Who logs in by `Authorization: Basic`.

use weir_wire::base64;

/// A user and the password that was sent for it.
pub(crate) struct Credentials {
    text: Vec<u8>,
    colon: usize,
}

impl Credentials {
    /// Reads the value of `Authorization` (`ngx_http_auth_basic_user`); `None` if it names no user.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let (scheme, rest) = value.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return None;
        }
        let blanks = rest.iter().take_while(|&&byte| byte == b' ').count();
        let text = base64::decode(&rest[blanks..])?;
        let colon = memchr::memchr(b':', &text).filter(|&colon| colon > 0)?;
        Some(Self { text, colon })
    }

    pub(crate) fn user(&self) -> &[u8] {
        &self.text[..self.colon]
    }

    /// The user and the colon behind it: how a line of a password file begins.
    pub(crate) fn user_and_colon(&self) -> &[u8] {
        &self.text[..=self.colon]
    }

    /// What stands behind the colon, up to the first zero, where texts end for nginx.
    pub(crate) fn password(&self) -> &[u8] {
        let password = &self.text[self.colon + 1..];
        let end = memchr::memchr(0, password).unwrap_or(password.len());
        &password[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_as_nginx_reads_them() {
        for (value, user) in [
            ("Basic am9lOnB3", Some("joe")),
            ("basic   am9lOnB3", Some("joe")),
            ("Basic am9lOng", Some("joe")),
            ("Basic am9lOng=more", Some("joe")),
            ("Basic am9lOg==", Some("joe")),
            ("Basic am9l", None),
            ("Basic OnB3", None),
            ("Basic \tam9lOnB3", None),
            ("Basic ", None),
            ("Basic", None),
            ("Digest am9lOnB3", None),
        ] {
            let found = Credentials::read(value.as_bytes());
            let found = found.as_ref().map(Credentials::user);
            assert_eq!(found, user.map(str::as_bytes), "{value}");
        }
    }

    #[test]
    fn a_password_ends_at_a_zero() {
        let found = Credentials::read(b"Basic am9lOnAAdw==").unwrap();
        assert_eq!(found.password(), b"p");
        assert_eq!(found.user_and_colon(), b"joe:");
    }
}
