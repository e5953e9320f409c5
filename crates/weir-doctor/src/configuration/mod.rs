//! The configuration as it is written: which group has which servers, which location passes where, and what holds there.
//!
//! Read as a tree, so that files with directives that weir does not have are read as well.

mod passing;
mod route;
mod sent;
mod tree;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use weir_conf::LoadOptions;

use passing::{Context, walk};
pub use passing::{Passing, Setting};
pub use route::Route;
pub use sent::{Client, Sent, sent};
pub use tree::{Directive, Place};

/// A configuration.
#[derive(Debug)]
pub struct Configuration {
    /// The main file.
    pub path: PathBuf,
    /// Base of relative paths.
    pub prefix: PathBuf,
    /// Every file that was read.
    pub files: Vec<PathBuf>,
    /// What is wrong with it as nginx would say it, the first first; weir's own view.
    pub faults: Vec<String>,
    root: Vec<Directive>,
}

/// A group of servers.
#[derive(Clone, Debug)]
pub struct Group {
    /// The block's name.
    pub name: String,
    /// Its servers.
    pub servers: Vec<GroupServer>,
    /// Whether idle connections are kept, as far as the file says.
    pub keepalive: Option<Place>,
    /// Its `keepalive_timeout`.
    pub keepalive_timeout: Option<String>,
}

/// A `server` of a group.
#[derive(Clone, Debug)]
pub struct GroupServer {
    /// As written.
    pub address: String,
    /// Whether its name is asked for while running.
    pub resolves: bool,
    /// Whether it is marked `down`.
    pub down: bool,
    /// Where it stands.
    pub place: Place,
}

impl Configuration {
    /// Reads a configuration, whatever is wrong with it.
    pub fn read(path: &Path, prefix: &Path) -> Self {
        let options = LoadOptions {
            prefix: prefix.to_owned(),
            conf_path: path.to_owned(),
            globals: None,
        };
        let loaded = weir_conf::load(&options);
        let (files, faults) = match &loaded {
            Ok(config) => (&config.files[..], Vec::new()),
            Err(faults) => {
                let words = faults
                    .all()
                    .iter()
                    .filter(|fault| fault.level < weir_conf::Level::Warn);
                (faults.files(), words.map(ToString::to_string).collect())
            }
        };
        let payload = weir_conf::as_written(&options, files, &[]);
        Self {
            path: path.to_owned(),
            prefix: prefix.to_owned(),
            files: files.iter().map(|file| file.path.clone()).collect(),
            faults,
            root: tree::merged(&payload),
        }
    }

    /// All directives of this name outside of `http`, `events` and other blocks.
    pub fn main(&self, name: &str) -> Option<&Directive> {
        self.root.iter().rfind(|directive| directive.name == name)
    }

    fn http(&self) -> &[Directive] {
        self.main("http").map_or(&[], Directive::block)
    }

    /// Every directive of this name, wherever it stands.
    pub fn everywhere(&self, name: &str) -> Vec<&Directive> {
        let mut found = Vec::new();
        tree::each(&self.root, &mut |directive| {
            if directive.name == name {
                found.push(directive);
            }
        });
        found
    }

    /// Shows every directive, outer ones first.
    pub fn each<'a>(&'a self, see: &mut impl FnMut(&'a Directive)) {
        tree::each(&self.root, see);
    }

    /// Whether a directive stands in `http` itself.
    pub fn is_in_http(&self, directive: &Directive) -> bool {
        self.http()
            .iter()
            .any(|own| own.name == directive.name && own.place == directive.place)
    }

    /// The groups.
    pub fn groups(&self) -> Vec<Group> {
        let blocks = self
            .http()
            .iter()
            .filter(|directive| directive.name == "upstream");
        blocks.map(group).collect()
    }

    /// The locations that pass requests on.
    pub fn passing(&self) -> Vec<Passing> {
        let mut found = Vec::new();
        let http: Vec<&[Directive]> = vec![self.http()];
        for server in self
            .http()
            .iter()
            .filter(|directive| directive.name == "server")
        {
            let names = server
                .block()
                .iter()
                .find(|directive| directive.name == "server_name");
            let name = names
                .and_then(|names| names.args.first())
                .cloned()
                .unwrap_or_default();
            let mut outer = http.clone();
            outer.push(server.block());
            walk(
                server.block(),
                Context::of_server(&name, over_tls(server)),
                &outer,
                &mut found,
            );
        }
        found
    }

    /// The group that an authority names.
    pub fn group(&self, authority: &str) -> Option<Group> {
        self.groups()
            .into_iter()
            .find(|group| group.name == authority)
    }

    /// A path of the configuration; relative ones begin at the prefix.
    pub fn path_of(&self, written: &str) -> PathBuf {
        self.prefix.join(written)
    }

    /// The format of an access log by name, as one text.
    pub fn log_format(&self, name: &str) -> Option<String> {
        let mut formats = self
            .http()
            .iter()
            .filter(|directive| directive.name == "log_format");
        let format =
            formats.find(|format| format.args.first().is_some_and(|first| first == name))?;
        let parts = format.args[1..]
            .iter()
            .filter(|arg| !arg.starts_with("escape="));
        Some(parts.cloned().collect())
    }
}

/// Whether a server listens with TLS.
fn over_tls(server: &Directive) -> bool {
    let listen = |directive: &&Directive| directive.name == "listen";
    let args = server
        .block()
        .iter()
        .filter(listen)
        .flat_map(|own| &own.args);
    args.into_iter().any(|arg| arg == "ssl" || arg == "quic")
}

fn group(block: &Directive) -> Group {
    let inside = |name: &str| {
        block
            .block()
            .iter()
            .find(|directive| directive.name == name)
    };
    let servers = block
        .block()
        .iter()
        .filter(|directive| directive.name == "server");
    Group {
        name: block.args.first().cloned().unwrap_or_default(),
        servers: servers
            .filter_map(|server| {
                Some(GroupServer {
                    address: server.args.first()?.clone(),
                    resolves: server.args.iter().any(|arg| arg == "resolve"),
                    down: server.args.iter().any(|arg| arg == "down"),
                    place: server.place.clone(),
                })
            })
            .collect(),
        keepalive: inside("keepalive").map(|directive| directive.place.clone()),
        keepalive_timeout: inside("keepalive_timeout")
            .and_then(|directive| directive.args.first().cloned()),
    }
}

/// An address as a line or a configuration writes it, with its port; names are none.
pub fn address_of(written: &str) -> Option<SocketAddr> {
    written
        .parse()
        .ok()
        .or_else(|| format!("{written}:80").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Configuration {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, text).unwrap_or_else(|fault| panic!("{fault}"));
        Configuration::read(&path, folder.path())
    }

    #[test]
    fn what_holds_in_a_location_is_the_innermost() {
        let configuration = read(
            "events {}\nhttp {\n proxy_read_timeout 5s;\n upstream app {\n  server a:1;\n  server b:2 resolve;\n  keepalive 4;\n }\n \
             server {\n  server_name s;\n  proxy_read_timeout 7s;\n  location = /a {\n   proxy_pass https://app/x;\n  }\n  location / {\n   \
             proxy_read_timeout 9s;\n   fastcgi_pass unix:/run/php.sock;\n   unheard_of on;\n  }\n }\n}\n",
        );
        assert!(
            !configuration.faults.is_empty(),
            "weir has no fastcgi and no unheard_of"
        );
        let passing = configuration.passing();
        let seen: Vec<_> = passing
            .iter()
            .map(|one| {
                (
                    &*one.server,
                    &*one.location,
                    one.authority(),
                    one.setting("proxy_read_timeout", "60s").value,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("s", "= /a", "app", "7s".to_owned()),
                ("s", "/", "unix:/run/php.sock", "9s".to_owned()),
            ]
        );
        assert!(passing[0].is_https() && !passing[1].is_https());
        assert_eq!(passing[0].place.line, 13);
        let group = configuration
            .group("app")
            .map(|group| (group.servers.len(), group.keepalive.is_some()));
        assert_eq!(group, Some((2, true)));
        assert_eq!(passing[0].setting("proxy_send_timeout", "60s").place, None);
        assert_eq!(passing[0].mapped("/a"), "/x");
        assert_eq!(passing[1].mapped("/a"), "/a");
    }
}
