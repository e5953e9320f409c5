//! The oracle: every scenario and every fault of the catalogue, live against a real nginx and
//! against weir, compared field by field.
//!
//! Reading order: [`Oracle`], `arguments` (what the command line selects), `nginx` (which real ones
//! there are), `compare` (both views of one scenario, and the file's), `report`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use weir_lab::bed::{Binary, NoBinary, Target};
use weir_lab::catalogue;
use weir_lab::scenario::{self, BASE, LoadError, Scenario};
use weir_lab::version::Version;

use crate::check::{self, CheckError, Examination};
use crate::known::{Known, KnownError, Player};
use crate::replay::{self, Options};

mod arguments;
mod compare;
mod nginx;
mod report;

pub use arguments::filter;
use nginx::{Nginx, Unavailable};

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Oracle {
    /// weir's binary.
    pub weir: PathBuf,
    /// The project's directory.
    pub root: PathBuf,
    /// Where builds are kept.
    pub target: PathBuf,
    /// Only scenarios whose name contains this; the records are left out then.
    pub filter: Option<String>,
}

/// Why the oracle could not be asked.
#[derive(Debug, thiserror::Error)]
enum OracleError {
    #[error(transparent)]
    Scenario(#[from] LoadError),
    #[error(transparent)]
    Binary(#[from] NoBinary),
    #[error(transparent)]
    Known(#[from] KnownError),
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error("the test bed: {0}")]
    Bed(#[from] std::io::Error),
    #[error("no scenario and no fault of the catalogue has {0:?} in its name")]
    NoMatch(String),
}

/// The version of which there are records and no binary.
const NEWEST: Version = Version::V1_31;

/// Scenarios at a time; they mostly wait.
const AT_ONCE: usize = 24;

/// The same of those that are played again, on a machine that has little else to do then.
const AGAIN_AT_ONCE: usize = 2;

/// Mistakes that are made in configurations for each nginx.
const MISTAKES: usize = 600;

impl Oracle {
    /// Asks it; success means that weir agrees with each nginx, and each file with the nginx that
    /// it was recorded from, but for the differences that are listed.
    ///
    /// Records are replayed by processes that are this executable again: whoever calls this must
    /// come to the same call there.
    pub fn main(&self) -> ExitCode {
        if replay::is_shard() {
            return replay::main(&self.records(&self.nginx_directory().join("nginx")));
        }
        match self.ask() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(fault) => {
                eprintln!("oracle: {fault}");
                ExitCode::FAILURE
            }
        }
    }

    fn ask(&self) -> Result<bool, OracleError> {
        let known = Known::load(&self.known_path(), Player::Weir)?;
        let weir = Arc::new(Target::Binary(Binary::ask(&self.weir)?));
        let scenarios = self.scenarios()?;
        let mut good = true;
        let built = match nginx::build(&self.root, &self.nginx_directory()) {
            Ok(built) => Some(built),
            Err(unavailable) => {
                good &= self.may_lack(&unavailable);
                None
            }
        };
        let debian = nginx::installed();
        let references: Vec<&Nginx> = built.iter().chain(&debian).collect();
        for nginx in &references {
            let known_to = |scenario: &&Arc<Scenario>| scenario.since <= Some(nginx.version);
            let scenarios: Vec<_> = scenarios.iter().filter(known_to).map(Arc::clone).collect();
            let compared = compare::all(&scenarios, nginx, &weir)?;
            let (version, whole) = (nginx.version, self.filter.is_none());
            let what = format!("against nginx {}, live", version.as_str());
            good &= report::print(&compared, &what, version, &known, whole);
            if self.wants(check::NAME) {
                good &= self.examination(nginx).hold()?;
            }
        }
        if references.is_empty() {
            good &= as_recorded(&scenarios, &weir, BASE, &known)?;
        }
        let newest = scenarios
            .iter()
            .filter(|scenario| scenario.is_own_at(NEWEST));
        let newest: Vec<_> = newest.map(Arc::clone).collect();
        good &= as_recorded(&newest, &weir, NEWEST, &known)?;
        match (built, &self.filter) {
            (Some(nginx), None) => {
                println!(
                    "\nthe records' scripts against nginx {}, live:",
                    nginx.version.as_str()
                );
                let replayed = replay::main(&self.records(&nginx.path));
                Ok(good && replayed == ExitCode::SUCCESS)
            }
            _ => Ok(good),
        }
    }

    /// Whether one can do without; on a machine for tests one cannot.
    fn may_lack(&self, unavailable: &Unavailable) -> bool {
        println!("skipped: whatever needs nginx 1.28.3, because {unavailable}");
        std::env::var_os("CI").is_none_or(|ci| ci != "true")
    }

    fn scenarios(&self) -> Result<Vec<Arc<Scenario>>, OracleError> {
        let directory = self.root.join("tests/scenarios");
        let files = scenario::load(&directory)?.into_iter();
        let files = files.map(|(path, scenario)| Scenario {
            name: below(&directory, &path),
            ..scenario
        });
        let faults = catalogue::all().iter().map(catalogue::Fault::scenario);
        let (mut counts, mut all) = ([0; 3], Vec::new());
        let grids = crate::grid::all().into_iter();
        // Grids first: they take longest.
        for (kind, scenario) in grids
            .map(|grid| (2, grid))
            .chain(files.map(|file| (0, file)))
            .chain(faults.map(|fault| (1, fault)))
        {
            if self.wants(&scenario.name) {
                counts[kind] += 1;
                all.push(Arc::new(scenario));
            }
        }
        println!(
            "{} scenarios, {} faults of the catalogue, {} grids",
            counts[0], counts[1], counts[2]
        );
        match &self.filter {
            Some(filter) if all.is_empty() && !self.wants(check::NAME) => {
                Err(OracleError::NoMatch(filter.clone()))
            }
            _ => Ok(all),
        }
    }

    fn wants(&self, name: &str) -> bool {
        let filter = self.filter.as_ref();
        filter.is_none_or(|filter| name.contains(filter))
    }

    fn examination(&self, nginx: &Nginx) -> Examination {
        Examination {
            nginx: nginx.path.clone(),
            version: nginx.version,
            weir: self.weir.clone(),
            root: self.root.clone(),
            count: MISTAKES,
            seed: 1,
            at_once: std::thread::available_parallelism().map_or(2, |cores| cores.get() * 2),
        }
    }

    fn records(&self, nginx: &Path) -> Options {
        Options {
            reference: Some(nginx.to_owned()),
            known: self.known_path(),
            loose: Some(self.root.join("tests/fault-matrix-differences.toml")),
            ..Options::all(self.weir.clone())
        }
    }

    fn known_path(&self) -> PathBuf {
        self.root.join("tests/oracle-differences.toml")
    }

    fn nginx_directory(&self) -> PathBuf {
        self.target.join("nginx-1.28.3")
    }
}

/// Whether weir shows what `version` was recorded to show.
fn as_recorded(
    scenarios: &[Arc<Scenario>],
    weir: &Arc<Target>,
    version: Version,
    known: &Known,
) -> Result<bool, OracleError> {
    let compared = compare::recorded(scenarios, weir, version)?;
    let what = format!(
        "against what nginx {} was recorded to show",
        version.as_str()
    );
    Ok(report::print(&compared, &what, version, known, false))
}

/// `phase/name`, because phases have names in common.
fn below(directory: &Path, file: &Path) -> String {
    let path = file.strip_prefix(directory).unwrap_or(file);
    path.with_extension("").display().to_string()
}
