//! What can be wrong with a peer's certificate, by OpenSSL's numbers and words.

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $number:literal $words:literal,)*) => {
        /// Why a peer's certificate is not trusted (`X509_V_ERR_…`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum VerifyFault { $($(#[$doc])* $name,)* }

        impl VerifyFault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// OpenSSL's number.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// OpenSSL's words (`X509_verify_cert_error_string`).
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }
    };
}

faults! {
    /// What was sent is no certificate.
    Unspecified = 1 "unspecified certificate verification error",
    /// A trusted certificate is no root, and its issuer is not there.
    NoIssuer = 2 "unable to get issuer certificate",
    /// No list of its issuer is there.
    NoList = 3 "unable to get certificate CRL",
    /// The issuer has not signed it.
    Signature = 7 "certificate signature failure",
    /// The issuer has not signed the list.
    ListSignature = 8 "CRL signature failure",
    /// It will be good.
    NotYetValid = 9 "certificate is not yet valid",
    /// It was good.
    Expired = 10 "certificate has expired",
    /// The list will be good.
    ListNotYetValid = 11 "CRL is not yet valid",
    /// The list was good.
    ListExpired = 12 "CRL has expired",
    /// Its first time is none.
    NotBeforeFormat = 13 "format error in certificate's notBefore field",
    /// Its second time is none.
    NotAfterFormat = 14 "format error in certificate's notAfter field",
    /// The list's first time is none.
    ListTimeFormat = 15 "format error in CRL's lastUpdate field",
    /// The list's second time is none.
    ListNextTimeFormat = 16 "format error in CRL's nextUpdate field",
    /// It has signed itself, and is not trusted.
    SelfSigned = 18 "self-signed certificate",
    /// The last of the chain has signed itself, and is not trusted.
    SelfSignedInChain = 19 "self-signed certificate in certificate chain",
    /// The issuer of the last of the chain is not there.
    NoLocalIssuer = 20 "unable to get local issuer certificate",
    /// The chain is this one only, and nobody vouches for it.
    LeafSignature = 21 "unable to verify the first certificate",
    /// More certificates than are allowed.
    ChainTooLong = 22 "certificate chain too long",
    /// A list says that it is good no longer.
    Revoked = 23 "certificate revoked",
    /// More CAs below one than it allows.
    PathTooLong = 25 "path length constraint exceeded",
    /// It is not for this.
    InvalidPurpose = 26 "unsuitable certificate purpose",
    /// The key of the issuer is not for certificates.
    IssuerSignsNoCertificates = 32 "key usage does not include certificate signing",
    /// Something in it must be understood, and is not.
    UnknownExtension = 34 "unhandled critical extension",
    /// The key of the issuer is not for lists.
    IssuerSignsNoLists = 35 "key usage does not include CRL signing",
    /// Something in the list must be understood, and is not.
    UnknownListExtension = 36 "unhandled critical CRL extension",
    /// It speaks for somebody who is no CA.
    Proxy = 40 "proxy certificates not allowed, please set the appropriate flag",
    /// The list is for other certificates.
    OtherScope = 44 "different CRL scope",
    /// A CA above it permits other names only.
    NotPermitted = 47 "permitted subtree violation",
    /// A CA above it excludes a name of its.
    Excluded = 48 "excluded subtree violation",
    /// A CA above it says how far below a name others may be.
    ConstraintDistance = 49 "name constraints minimum and maximum not supported",
    /// A CA above it limits names of a kind that is not compared.
    UnsupportedConstraint = 51 "unsupported name constraint type",
    /// A name that a CA above it limits has not the shape of its kind.
    UnsupportedName = 53 "unsupported or invalid name syntax",
    /// Its key is weak.
    EndKeyTooSmall = 66 "EE certificate key too weak",
    /// The key of a CA is weak.
    CaKeyTooSmall = 67 "CA certificate key too weak",
    /// A signature is over a digest that is weak.
    WeakDigest = 68 "CA signature digest algorithm too weak",
    /// It speaks for somebody else than its name says.
    ProxyName = 72 "proxy subject name violation",
    /// One that is no CA has signed another.
    InvalidCa = 79 "invalid CA certificate",
}

impl VerifyFault {
    /// Whether it is only that nobody vouches for it (`ngx_ssl_verify_error_optional`).
    pub const fn is_of_trust(self) -> bool {
        matches!(
            self,
            Self::SelfSigned | Self::SelfSignedInChain | Self::NoLocalIssuer | Self::LeafSignature
        )
    }
}
