//! Frame headers (RFC 9113, 4.1).

/// Octets before each payload.
pub(crate) const HEAD: usize = 9;

/// The largest payload that the protocol has.
pub(crate) const LARGEST: u32 = (1 << 24) - 1;
/// The largest payload that a peer takes unless it says otherwise.
pub(crate) const DEFAULT_SIZE: u32 = 1 << 14;

/// Frame types (RFC 9113, 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Data = 0,
    Headers = 1,
    Priority = 2,
    RstStream = 3,
    Settings = 4,
    PushPromise = 5,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

impl Kind {
    #[inline]
    pub(crate) fn of(octet: u8) -> Option<Self> {
        Some(match octet {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::RstStream,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            _ => return None,
        })
    }
}

/// Of PING and SETTINGS.
pub(crate) const ACK: u8 = 0x1;
/// Of DATA and HEADERS.
pub(crate) const END_STREAM: u8 = 0x1;
/// Of HEADERS and CONTINUATION.
pub(crate) const END_HEADERS: u8 = 0x4;
/// Of DATA and HEADERS.
pub(crate) const PADDED: u8 = 0x8;
/// Of HEADERS.
pub(crate) const PRIORITY: u8 = 0x20;

/// A frame's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Octets of payload.
    pub(crate) length: u32,
    /// The type as it was sent.
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl Head {
    #[inline]
    pub(crate) fn read(octets: [u8; HEAD]) -> Self {
        let [a, b, c, kind, flags, s, t, u, v] = octets;
        Self {
            length: u32::from_be_bytes([0, a, b, c]),
            kind,
            flags,
            stream: u32::from_be_bytes([s, t, u, v]) & 0x7fff_ffff,
        }
    }

    #[inline]
    pub(crate) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Appends a frame's header.
#[inline]
pub(crate) fn write(out: &mut Vec<u8>, kind: Kind, flags: u8, stream: u32, length: usize) {
    let [_, a, b, c] = (length as u32).to_be_bytes();
    let [s, t, u, v] = stream.to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind as u8, flags, s, t, u, v]);
}
