//! Subrequests that nobody waits for before the answer.

use tokio::task::JoinHandle;

/// Requests of our own that are served beside their main request, each in a task; what is dropped ends.
#[derive(Default)]
pub(crate) struct Beside(Vec<JoinHandle<()>>);

impl Beside {
    pub(crate) fn push(&mut self, task: JoinHandle<()>) {
        self.0.push(task);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Waits until all are over; one that panics is over, too.
    pub(crate) async fn all_over(&mut self) {
        while let Some(task) = self.0.last_mut() {
            let _ = task.await;
            self.0.pop();
        }
    }

    /// Ends those that are not over.
    #[inline]
    pub(crate) fn end(&mut self) {
        // To drain what is empty costs more than all the rest of it.
        if self.is_empty() {
            return;
        }
        for task in self.0.drain(..) {
            task.abort();
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.end();
    }
}
