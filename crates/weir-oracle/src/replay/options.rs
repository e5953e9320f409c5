//! What to replay, against what.

use std::path::PathBuf;

use clap::Parser;
use weir_lab::bed::Binary;
use weir_lab::scenario::BASE;
use weir_lab::version::Version;

use crate::record::Record;

/// Replay recorded faults against an nginx-compatible binary and list the differences.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// The proxy: anything that takes -p PREFIX -c CONF
    #[arg(long)]
    pub binary: PathBuf,
    /// Compare with this nginx 1.28.3, run live, instead of with what was recorded
    #[arg(long)]
    pub reference: Option<PathBuf>,
    /// Replay only the records of this version
    #[arg(long, value_enum)]
    pub compat: Option<Version>,
    /// Only records whose id contains this; several with commas, an exact id with =ID
    #[arg(long)]
    pub filter: Option<String>,
    /// Only records of this phase
    #[arg(long)]
    pub phase: Option<String>,
    /// Write every outcome to this file
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Show whole values of differing fields, and the skipped records
    #[arg(short, long)]
    pub verbose: bool,
    /// One line per differing record, with the names of its fields
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Processes at a time; records mostly wait
    #[arg(long, default_value_t = 16)]
    pub shards: usize,
    /// The records, one JSON object per line
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fault-matrix.jsonl"))]
    pub records: PathBuf,
    /// Differences that are known and explained
    #[arg(
        long,
        default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fault-matrix-differences.toml")
    )]
    pub known: PathBuf,
    /// Another such list, of which only what hangs on the machine counts
    #[arg(long)]
    pub loose: Option<PathBuf>,
    /// Replay records that are skipped for these reasons, too; several with commas
    #[arg(long, value_delimiter = ',')]
    pub include: Vec<String>,
    /// Do not run a differing record a second time
    #[arg(long = "no-rerun", action = clap::ArgAction::SetFalse)]
    pub rerun: bool,
    /// Keep the prefix directories (configuration and logs) under this directory
    #[arg(long)]
    pub keep: Option<PathBuf>,
}

impl Options {
    /// Everything, against `binary`.
    pub fn all(binary: PathBuf) -> Self {
        let arguments = [
            std::ffi::OsString::from("replay"),
            "--binary".into(),
            binary.into(),
        ];
        Self::parse_from(arguments)
    }

    /// The versions as which `record` is to be played; beside a reference as the reference's own,
    /// and a script that has two results only once.
    pub(crate) fn versions(
        &self,
        record: &Record,
        target: &Binary,
        repeated: bool,
    ) -> Vec<Version> {
        if self.reference.is_some() {
            return if repeated {
                vec![]
            } else {
                vec![self.compat.unwrap_or(BASE)]
            };
        }
        let plays = |version: &Version| match (target.nginx(), self.compat) {
            (Some(own), None) => own == version.as_str(),
            (_, chosen) => chosen.is_none_or(|chosen| chosen == *version),
        };
        record.nginx.iter().copied().filter(plays).collect()
    }

    pub(crate) fn selects(&self, record: &Record) -> bool {
        let id = |filter: &str| match filter.strip_prefix('=') {
            Some(exact) => record.id == exact,
            None => record.id.contains(filter),
        };
        let by_id = self
            .filter
            .as_deref()
            .is_none_or(|filters| filters.split(',').any(id));
        by_id
            && self
                .phase
                .as_deref()
                .is_none_or(|phase| phase == record.phase)
    }
}
