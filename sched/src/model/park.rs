//! Where a model's threads wait.
//!
//! A thread that waits has its parker on its stack, where nothing of loom's could have
//! been made before: its bell is found by the parker's address, made by the first thread that comes,
//! and gone with the token. So a second token for a wait that is over stands out: it finds no parker that
//! waits (L22).
//!
//! What is not loom's here is only touched where no schedule can tell: whether a token is there, and
//! what the clock shows, are loom's to order.

use core::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::vec::Vec;

use loom::sync::Notify;
use loom::sync::mpsc::{Receiver, Sender, channel};

use super::ticks;
use crate::parts::parker::Parker;

/// Whether a thread has waited in this schedule. Of the standard library: it is no part of a model.
static WAITED: AtomicBool = AtomicBool::new(false);

/// Tells that the calling thread is about to wait.
pub(super) fn waits() {
    WAITED.store(true, Relaxed);
}

/// Returns whether a thread has waited in the present schedule, or in the last: a model in which none
/// ever does may show less than it seems.
pub fn waited() -> bool {
    WAITED.load(Relaxed)
}

/// What comes through a bell, and what the clock showed to the thread that rang it.
enum Ring {
    ParkToken(u64),
    Deadline(u64),
}

/// One parker's.
struct Bell {
    parker: usize,
    ring: Rc<(Sender<Ring>, Receiver<Ring>)>,
    /// Tokens that were given and not taken.
    tokens: usize,
    once: bool,
    deadline: Option<u64>,
}

std::thread_local! {
    // Loom runs all threads of a model on one.
    static BELLS: RefCell<Vec<Bell>> = const { RefCell::new(Vec::new()) };
}

/// Uses the bell of `parker`, making it if need be. No loom operation inside `f`.
fn with<R>(parker: usize, f: impl FnOnce(&mut Bell) -> R) -> R {
    let known = BELLS.with_borrow(|bells| bells.iter().position(|bell| bell.parker == parker));
    let at = known.unwrap_or_else(|| {
        let ring = Rc::new(channel());
        BELLS.with_borrow_mut(|bells| {
            bells.push(Bell { parker, ring, tokens: 0, once: true, deadline: None });
            bells.len() - 1
        })
    });
    BELLS.with_borrow_mut(|bells| f(&mut bells[at]))
}

/// As `Platform::park`, for a parker without a [`Notify`].
pub(super) fn park(parker: &Parker, deadline: Option<u64>) -> bool {
    let address = core::ptr::from_ref(parker).addr();
    let ring = with(address, |bell| {
        bell.deadline = deadline;
        bell.ring.clone()
    });
    if deadline.is_some_and(|at| ticks::look() >= at) {
        with(address, |bell| bell.deadline = None);
        return false;
    }
    waits();
    let token = match ring.1.recv().expect("it is in our hands") {
        Ring::ParkToken(now) => {
            ticks::learn(now);
            true
        }
        Ring::Deadline(now) => {
            ticks::learn(now);
            false
        }
    };
    let once = with(address, |bell| {
        bell.deadline = None;
        bell.once
    });
    if token && once {
        remove(address);
    } else if token {
        // Tokens that come together are one.
        while ring.1.try_recv().is_ok() {}
        with(address, |bell| bell.tokens = 0);
    }
    token
}

/// As `Platform::unpark`, for the same; `once`: it waits for one token and no more.
pub(super) fn unpark(parker: usize, once: bool) {
    let ring = with(parker, |bell| bell.ring.clone());
    ring.0.send(Ring::ParkToken(ticks::now())).expect("it is in our hands");
    let tokens = with(parker, |bell| {
        (bell.tokens, bell.once) = (bell.tokens + 1, once);
        bell.tokens
    });
    assert!(!once || tokens == 1, "L22: a wait is ended twice");
}

/// Without its bell a parker is as it was made.
fn remove(parker: usize) {
    let bell = BELLS.with_borrow_mut(|bells| {
        let at = bells.iter().position(|bell| bell.parker == parker)?;
        Some(bells.remove(at))
    });
    // What is left in it is taken out: a loom operation.
    drop(bell);
}

/// Lets the clock show `now`.
pub(super) fn strike(now: u64) {
    let late: Vec<_> = BELLS.with_borrow(|bells| {
        let late = bells.iter().filter(|bell| bell.deadline.is_some_and(|at| at <= now));
        late.map(|bell| bell.ring.clone()).collect()
    });
    for ring in late {
        ring.0.send(Ring::Deadline(now)).expect("it is in our hands");
    }
}

/// Whose parker it is.
#[derive(Debug)]
pub enum Owner {
    /// An M's, with this bell, which also rings for no reason.
    M(&'static Notify),
    /// An M's of a whole scheduler.
    Machine,
    /// A waiter's.
    Waiter,
    /// Of a thread that the model does not have.
    Nobody,
}

/// The handle of a parker on which no thread waits.
pub const NOBODY: usize = 1;
/// The handle of a parker of an M of a whole scheduler.
pub const MACHINE: usize = 2;

/// Whose `parker` is.
pub fn owner(parker: &Parker) -> Owner {
    // SAFETY: written once, before the model's threads start.
    match unsafe { parker.handle.unsync_load() } {
        0 => Owner::Waiter,
        NOBODY => Owner::Nobody,
        MACHINE => Owner::Machine,
        // SAFETY: it names a bell of this schedule.
        bell => Owner::M(unsafe { &*(bell as *const Notify) }),
    }
}

/// Empties all at the beginning of a schedule, or at the end of the program.
pub(super) fn begin() {
    WAITED.store(false, Relaxed);
    // What a failure has left belongs to no schedule any more.
    core::mem::forget(BELLS.take());
}

/// Checks at the end of a schedule what it has left.
pub(super) fn end() {
    ticks::end();
    let left = BELLS.take().iter().filter(|bell| bell.once).map(|bell| bell.tokens).sum::<usize>();
    assert_eq!(left, 0, "L22: a wait was ended that was over, or had not begun");
}
