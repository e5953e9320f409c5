//! What one worker does for all workers of a plan.

use std::pin::pin;
use std::rc::Rc;

use tokio::task::JoinSet;

use super::worker::Worker;
use super::{health, names};
use crate::facts::Shop;
use crate::plan::Generation;

impl Worker {
    /// Waits to be the worker that does what is done once for all, and does it, for one plan after the other. If
    /// that worker ends, or goes over to another plan, the next one takes over.
    pub async fn run_duties(self: Rc<Self>) {
        loop {
            let mut moved = pin!(self.shop.moved.notified());
            moved.as_mut().enable();
            let generation = self.shop.generation();
            if self.shop.is_draining() {
                return;
            }
            tokio::select! {
                () = moved => {}
                () = when_elected(&self.shop, &generation) => {}
            }
        }
    }
}

/// Does the plan's duties for as long as this is polled.
async fn when_elected(shop: &Rc<Shop>, generation: &Rc<Generation>) {
    let _elected = generation.duties().lock().await;
    let mut duties = JoinSet::new();
    names::begin(&mut duties, generation);
    health::begin(&mut duties, shop, generation);
    while duties.join_next().await.is_some() {}
    // All is done that there is to do.
    std::future::pending().await
}
