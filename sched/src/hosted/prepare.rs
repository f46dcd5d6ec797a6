//! What a process needs before goroutines run in it.

use core::sync::atomic::Ordering;

use g0_stack::overflow::add_onstack_flags;

use super::affinity::CPUS;
use super::tag::Hosted;
use super::{affinity, overflow};
use crate::objects::m::M;
use crate::platform::Platform;

/// Prepares the process for goroutines, as often as a scheduler is built or runs. `onstack`: the program's signal
/// handlers get the flag SA_ONSTACK.
pub(super) fn prepare(onstack: bool) {
    CPUS.store(affinity::affine(), Ordering::Relaxed);
    overflow::install();
    if onstack {
        add_onstack_flags();
    }
    g0_defer::on_holding(hold);
}

/// Tells that a scope of the running goroutine holds what unwinds, or goes on with it.
fn hold(holds: bool) {
    // SAFETY: Ms are never freed; the count is the running goroutine's own.
    unsafe {
        if let Some(g) = Hosted::current().as_ref().and_then(M::running) {
            let holding = g.as_ref().holding.get();
            g.as_ref().holding.set(if holds { holding + 1 } else { holding.saturating_sub(1) });
        }
    }
}
