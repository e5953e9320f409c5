//! A scenario against a proxy.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use nix::unistd::geteuid;
use serde_json::json;
use socket2::SockRef;

use super::Scenario;
use crate::backend::Backend;
use crate::bed::compare::{Difference, Extent, compare};
use crate::bed::conf::Skeleton;
use crate::bed::logs::Normal;
use crate::bed::names::{DNS, Names};
use crate::bed::prefix::Prefix;
use crate::bed::run::{Run, Settling};
use crate::bed::{DEFAULT_BACKEND, Fault, Field, Seen, Target};
use crate::dns::NameServer;
use crate::socket::Address;
use crate::version::Version;

impl Scenario {
    /// Plays it in `directory`, which is cleared first, against `target` as `version`.
    ///
    /// # Errors
    /// The proxy does not start, or the test bed fails.
    pub async fn play(
        &self,
        target: &Target,
        version: Version,
        directory: &Path,
    ) -> Result<Seen, Fault> {
        let prefix = Prefix::clear(directory.to_owned()).map_err(Fault::bed("prefix"))?;
        prefix.lay(&self.files).map_err(Fault::bed("files"))?;
        let backends = self.start_backends(directory).await?;
        let listener = own_address(self.config.sndbuf()).map_err(Fault::bed("listen"))?;
        let proxy = listener.local_addr().map_err(Fault::bed("listen"))?;
        let addresses = backends
            .iter()
            .map(|(name, backend)| (name.clone(), backend.address().clone()));
        let name_server = self.start_name_server().await?;
        let addresses = addresses.chain(name_server.iter().map(|server| {
            let address = Address::Inet(server.address());
            (DNS.to_owned(), address)
        }));
        let names = Names::new(addresses, proxy);
        let conf = self.conf(target, version, &names, directory);
        prefix.configure(&conf).map_err(Fault::bed("prefix"))?;
        let run = Run {
            target: &target.starter(listener),
            prefix: &prefix,
            normal: &Normal::new(names, directory, target.nginx().unwrap_or(version.as_str())),
            proxy: Address::Inet(proxy),
            client: &self.client,
            settling: Settling::Quiet,
        };
        run.make(&backends).await
    }

    /// Where `seen` is not what is expected of `version`; unless said otherwise, a proxy ends well.
    pub fn judge(&self, seen: &Seen, version: Version) -> Vec<Difference> {
        let well = json!("exit status: 0");
        let differences = Field::ALL.iter().flat_map(|&field| {
            let expected = self.expected(field, version);
            let expected = expected.or_else(|| (field == Field::Ended).then_some(&well));
            expected.map_or_else(Vec::new, |expected| {
                compare(field.as_str(), expected, seen.field(field), Extent::Partial)
            })
        });
        differences.collect()
    }

    /// The whole nginx.conf.
    fn conf(&self, target: &Target, version: Version, names: &Names, prefix: &Path) -> String {
        // Only root may name another user, and nginx complains when others try.
        let user = if geteuid().is_root() {
            "user root;"
        } else {
            ""
        };
        let text = self.config.text(Skeleton {
            preamble: target.preamble(version),
            user,
            listen: "proxy",
            server_name: "server_name localhost;",
            pass: &format!("http://{DEFAULT_BACKEND}"),
        });
        names
            .resolve(&text)
            .replace("@PREFIX@", &prefix.to_string_lossy())
    }

    async fn start_name_server(&self) -> Result<Option<NameServer>, Fault> {
        if self.dns.is_empty() {
            return Ok(None);
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = NameServer::start(address, self.dns.clone()).await;
        server.map(Some).map_err(Fault::bed("name server"))
    }

    async fn start_backends(&self, prefix: &Path) -> Result<BTreeMap<String, Backend>, Fault> {
        let mut backends = BTreeMap::new();
        for (name, script) in &self.backend {
            let address = match name.strip_prefix("unix:") {
                Some(file) => Address::Unix(prefix.join(file)),
                None => Address::Inet(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            };
            let backend = Backend::start(address, script.clone()).await;
            let backend = backend.map_err(Fault::bed(format!("backend {name}")))?;
            backends.insert(name.clone(), backend);
        }
        Ok(backends)
    }
}

/// A listening socket on a loopback address that no other run has.
///
/// Each of its three numbers is of 100..=254 and the port of 10000 or more, so that its length
/// never varies. A send buffer is the listening socket's, which weir in this process does not bind.
fn own_address(sndbuf: Option<usize>) -> io::Result<TcpListener> {
    for attempt in 0_u8..20 {
        let random = RandomState::new().hash_one(attempt).to_le_bytes();
        let [b, c, d] = [random[0], random[1], random[2]].map(|byte| 100 + byte % 155);
        let listener = TcpListener::bind((Ipv4Addr::new(127, b, c, d), 0))?;
        if let Some(size) = sndbuf {
            SockRef::from(&listener).set_send_buffer_size(size)?;
        }
        if listener.local_addr()?.port() >= 10_000 {
            return Ok(listener);
        }
    }
    Err(io::Error::other("the system gives short ports only"))
}
