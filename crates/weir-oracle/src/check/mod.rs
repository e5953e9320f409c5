//! `nginx -t` and `weir -t` on real-looking configurations and on thousands of mistakes made in them:
//! the verdict, nginx's first fault with its place, and the warnings of what is accepted.
//!
//! Reading order: [`Examination`], `bases` (the configurations), `tokens` and `mistakes` (what is made
//! of them), `asked` (both binaries on one text), `known` (differences that are explained), `report`.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;
use weir_lab::version::Version;

use crate::dice::Dice;
use crate::known::KnownError;

mod asked;
mod bases;
mod known;
mod mistakes;
mod options;
mod report;
mod tokens;

pub use options::main;

use asked::{Answer, Asker};
use bases::{Base, Bases};
use known::Known;

/// How its scenarios are called, for whoever filters.
pub(crate) const NAME: &str = "check/mistakes";

/// What to ask whom.
#[derive(Clone, Debug)]
pub struct Examination {
    /// A real nginx.
    pub nginx: PathBuf,
    /// What it is.
    pub version: Version,
    /// weir's binary.
    pub weir: PathBuf,
    /// The project's directory.
    pub root: PathBuf,
    /// Mistakes to make in all.
    pub count: usize,
    /// What decides which.
    pub seed: u64,
    /// Processes at a time.
    pub at_once: usize,
}

/// The examination could not be held.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The list of differences.
    #[error(transparent)]
    Known(#[from] KnownError),
    /// A file, a directory or a process.
    #[error("asking with -t: {0}")]
    Io(#[from] io::Error),
}

/// A text on which the two differ.
#[derive(Debug)]
struct Difference {
    base: String,
    /// Its lines that are not the base's.
    changed: Vec<String>,
    nginx: Answer,
    weir: Answer,
}

/// What became of a text.
enum Outcome {
    Agrees,
    /// weir lacks something of it, and says so.
    NotThere,
    /// For the reason of this number in the list.
    Known(usize),
    Differs(Box<Difference>),
}

impl Examination {
    /// Holds it and prints what differs; whether nothing does but for what is listed.
    ///
    /// # Errors
    ///
    /// When files cannot be read or written or a binary cannot be run.
    pub fn hold(&self) -> Result<bool, CheckError> {
        let started = Instant::now();
        let known = Known::load(&self.root.join("tests/configuration-differences.toml"))?;
        let bases = Bases::load(&self.root.join("tests/configurations"))?;
        let next = AtomicUsize::new(0);
        let worker = |number| self.work(number, &bases, &known, &next);
        let outcomes = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.at_once)
                .map(|number| scope.spawn(move || worker(number)))
                .collect();
            let ended = workers.into_iter().map(|worker| match worker.join() {
                Ok(outcomes) => outcomes,
                Err(_) => Err(io::Error::other("a worker panicked")),
            });
            ended.collect::<io::Result<Vec<_>>>()
        })?;
        let outcomes: Vec<_> = outcomes.into_iter().flatten().collect();
        Ok(report::print(self, &outcomes, &known, started.elapsed()))
    }

    /// Asks about one text after the other until there are no more.
    fn work(
        &self,
        number: usize,
        bases: &Bases,
        known: &Known,
        next: &AtomicUsize,
    ) -> io::Result<Vec<Outcome>> {
        let asker = Asker::new(self, number, bases)?;
        let mut outcomes = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= bases.all.len() + self.count {
                return Ok(outcomes);
            }
            let (base, text) = self.text(index, bases);
            outcomes.push(self.ask(&asker, base, &text, known)?);
        }
    }

    /// Text number `index`: first the configurations as they are, then the mistakes.
    fn text<'a>(&self, index: usize, bases: &'a Bases) -> (&'a Base, String) {
        let base = &bases.all[index % bases.all.len()];
        let mut text = base.text.clone();
        if index >= bases.all.len() {
            let mut dice =
                Dice::new(self.seed ^ (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            text = mistakes::make(&text, &bases.statements, &mut dice);
        }
        (base, text)
    }

    fn ask(&self, asker: &Asker, base: &Base, text: &str, known: &Known) -> io::Result<Outcome> {
        let weir = asker.ask_weir(text)?;
        if weir.lacks_something() {
            return Ok(Outcome::NotThere);
        }
        let nginx = asker.ask_nginx(text)?;
        if nginx == weir {
            return Ok(Outcome::Agrees);
        }
        if let Some(reason) = known.explains(text, (&nginx, &weir), self.version) {
            return Ok(Outcome::Known(reason));
        }
        Ok(Outcome::Differs(Box::new(Difference {
            base: base.name.clone(),
            changed: changed(&base.text, text),
            nginx,
            weir,
        })))
    }
}

/// Lines of `text` that `base` has not, with their numbers.
fn changed(base: &str, text: &str) -> Vec<String> {
    let mut known = base.lines().peekable();
    let mut changed = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if known.next_if_eq(&line).is_some() {
            continue;
        }
        match known.clone().position(|other| other == line) {
            Some(at) if !line.trim().is_empty() => {
                known.nth(at);
            }
            _ => changed.push(format!("{}: {line}", number + 1)),
        }
    }
    changed
}
