//! Loom's threads as a platform.

use core::cell::Cell;
use core::ptr;

use g0_defer::NoUnwind;

use super::park::{Owner, owner, waits};
use super::{machines, park, ticks};
use crate::objects::m::M;
use crate::parts::fatal::Fatal;
use crate::parts::parker::Parker;
use crate::platform::machines::Machines;
use crate::platform::{Platform, StartError};

loom::thread_local! {
    static CURRENT: Cell<*const M> = Cell::new(ptr::null());
}

/// Loom's threads as a platform.
#[derive(Debug, Clone, Copy)]
pub struct Threads;

// SAFETY: the slot is loom's, found anew by each call; what loom's channels carry are tokens, taken
// once; where the fences matter schedulers of models use full ones.
unsafe impl Platform for Threads {
    type Unwind = NoUnwind;

    fn current() -> *const M {
        CURRENT.with(Cell::get)
    }

    unsafe fn set_current(m: *const M) {
        CURRENT.with(|slot| slot.set(m));
    }

    /// Threads start within [`run`](super::run) only.
    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        machines::start::<Self>(m, || ())
    }

    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        match owner(parker) {
            Owner::M(bell) => {
                waits();
                bell.wait();
                true
            }
            Owner::Machine | Owner::Waiter => park::park(parker, deadline),
            Owner::Nobody => panic!("a thread waits that the model does not have"),
        }
    }

    unsafe fn unpark(parker: &Parker) {
        match owner(parker) {
            Owner::M(bell) => bell.notify(),
            Owner::Nobody => {}
            owner => {
                park::unpark(ptr::from_ref(parker).addr(), matches!(owner, Owner::Waiter));
            }
        }
    }

    fn now() -> u64 {
        ticks::now()
    }

    /// Only asked for by a scheduler without fences.
    fn heavy_fence() {}

    fn fatal(report: &Fatal) -> ! {
        panic!("{report}")
    }
}

crate::default_parts!(Threads: ForeignCode, Interrupts, Reports, Unwinding);

impl Machines for Threads {
    fn cpus() -> usize {
        ticks::cpus()
    }
}
