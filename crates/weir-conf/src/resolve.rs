//! Host names by the system, as nginx asks for them when it starts (`ngx_inet_resolve_host`).

#![allow(unsafe_code, reason = "std asks getaddrinfo() without AI_ADDRCONFIG")]

use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

/// The addresses of `host`, in the system's order; none if it has none. IPv6 ones only on a machine that
/// has such an address itself.
pub fn resolve(host: &str) -> Vec<IpAddr> {
    let Ok(host) = CString::new(host) else {
        return Vec::new();
    };
    // SAFETY: all zeros are a valid `addrinfo`, whose pointers are null.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = libc::AF_UNSPEC;
    hints.ai_socktype = libc::SOCK_STREAM;
    hints.ai_flags = libc::AI_ADDRCONFIG;
    let mut list: *mut libc::addrinfo = ptr::null_mut();
    // SAFETY: host and hints live until the call returns, `list` is where it leaves its answer.
    let failed =
        unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &raw const hints, &raw mut list) };
    if failed != 0 {
        return Vec::new();
    }
    let mut addresses = Vec::new();
    let mut next = list;
    // SAFETY: each entry is valid until the list is freed.
    while let Some(entry) = unsafe { next.as_ref() } {
        addresses.extend(address(entry));
        next = entry.ai_next;
    }
    // SAFETY: `getaddrinfo` made the list, and nothing points into it any more.
    unsafe { libc::freeaddrinfo(list) };
    addresses
}

fn address(entry: &libc::addrinfo) -> Option<IpAddr> {
    match entry.ai_family {
        libc::AF_INET => {
            // SAFETY: the family says what the pointer points to.
            let found = unsafe { entry.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            let bits = u32::from_be(found.sin_addr.s_addr);
            Some(Ipv4Addr::from_bits(bits).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let found = unsafe { entry.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(Ipv6Addr::from_octets(found.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_that_mean_addresses() {
        let local = IpAddr::from([127, 0, 0, 1]);
        assert!(resolve("localhost").contains(&local));
        assert_eq!(resolve("127.1"), [local]);
        assert!(resolve("no.such.name.invalid").is_empty());
        assert!(resolve("a\0b").is_empty());
    }
}
