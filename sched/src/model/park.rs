//! Where a model's threads wait.
//!
//! A thread that waits has its parker on its stack, where nobody could have made anything of loom's
//! before: its bell is found by the parker's address, made by whoever comes first, and gone with the
//! token. So a second token for a wait that is over stands out: it finds no parker that waits (L22).
//!
//! What is not loom's here is only touched where no schedule can tell: whether a token is there, and
//! what the clock shows, are loom's to order.

use core::cell::RefCell;
use std::rc::Rc;
use std::vec::Vec;

use loom::sync::Notify;
use loom::sync::mpsc::{Receiver, Sender, channel};

use super::{clock, waits};
use crate::parts::parker::Parker;

/// What comes through a bell, and what the clock showed to whoever rang it.
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
    if deadline.is_some_and(|at| clock::look() >= at) {
        with(address, |bell| bell.deadline = None);
        return false;
    }
    waits();
    let token = match ring.1.recv().expect("it is in our hands") {
        Ring::ParkToken(now) => {
            clock::learn(now);
            true
        }
        Ring::Deadline(now) => {
            clock::learn(now);
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
    ring.0.send(Ring::ParkToken(clock::now())).expect("it is in our hands");
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

/// The clock shows `now`.
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

/// The handle of a parker on which nobody waits.
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

/// A schedule begins, or the program ends.
pub(super) fn begin() {
    // What a failure has left belongs to no schedule any more.
    core::mem::forget(BELLS.take());
}

/// It has ended.
pub(super) fn end() {
    clock::end();
    let left = BELLS.take().iter().filter(|bell| bell.once).map(|bell| bell.tokens).sum::<usize>();
    assert_eq!(left, 0, "L22: a wait was ended that was over, or had not begun");
}
