//! Where a model's threads wait, and the clock that ends their waits.
//!
//! An M waits for a [`Notify`] that the world has made for its parker. A thread that waits in a
//! primitive has its parker on its stack, where nobody could have made anything before: its bell is
//! found by the parker's address, made by whoever comes first, and gone with the token. So a second
//! token for a wait that is over stands out: it finds no parker that waits (L22).
//!
//! The clock is the model's. A thread sees it move when it waits until a deadline, and when it is
//! woken by a thread that has seen it: so much for time that passes between two of its steps.
//!
//! What is not loom's here is only touched where no schedule can tell: whether a token is there, and
//! what the clock shows, are loom's to order.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use g0_sched::Parker;
use loom::sync::Notify;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::mpsc::{Receiver, Sender, channel};

use crate::runner::seen;

/// What comes through a bell, and what the clock showed to whoever rang it.
enum Ring {
    Token(u64),
    Deadline(u64),
}

loom::thread_local! {
    static NOW: Cell<u64> = Cell::new(0);
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
    static CPUS: Cell<usize> = const { Cell::new(1) };
    static CLOCK: RefCell<Option<Rc<AtomicU64>>> = const { RefCell::new(None) };
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
pub fn park(parker: &Parker, deadline: Option<u64>) -> bool {
    let address = std::ptr::from_ref(parker).addr();
    let ring = with(address, |bell| {
        bell.deadline = deadline;
        bell.ring.clone()
    });
    if deadline.is_some_and(|at| look() >= at) {
        with(address, |bell| bell.deadline = None);
        return false;
    }
    seen();
    let token = match ring.1.recv().expect("it is in our hands") {
        Ring::Token(now) => {
            learn(now);
            true
        }
        Ring::Deadline(now) => {
            learn(now);
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
pub fn unpark(parker: usize, once: bool) {
    let ring = with(parker, |bell| bell.ring.clone());
    ring.0.send(Ring::Token(now())).expect("it is in our hands");
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

/// Whose parker it is.
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
pub fn begin() {
    // What a failure has left belongs to no schedule any more.
    std::mem::forget(BELLS.take());
    std::mem::forget(CLOCK.take());
    CPUS.set(1);
}

/// It has ended.
pub fn end() {
    CLOCK.take();
    let left = BELLS.take().iter().filter(|bell| bell.once).map(|bell| bell.tokens).sum::<usize>();
    assert_eq!(left, 0, "L22: a wait was ended that was over, or had not begun");
}

/// What the clock shows to the calling thread, nanoseconds: what it showed when the thread last
/// looked, or when somebody looked who has woken it since.
pub fn now() -> u64 {
    NOW.with(Cell::get)
}

/// The calling thread looks at the clock.
pub fn look() -> u64 {
    // Relaxed: time orders nothing.
    let now =
        CLOCK.with_borrow(Clone::clone).map_or(0, |clock| clock.fetch_add(0, Ordering::Relaxed));
    learn(now);
    now
}

fn learn(now: u64) {
    NOW.with(|known| known.set(known.get().max(now)));
}

/// How many processors there are: with one, nobody spins.
pub fn cpus() -> usize {
    CPUS.get()
}

/// In this schedule there are so many. Before its threads start.
pub fn set_cpus(cpus: usize) {
    CPUS.set(cpus);
}

/// This schedule has a clock that moves. Before its threads start.
pub fn start_clock() {
    CLOCK.set(Some(Rc::new(AtomicU64::new(0))));
}

/// The clock shows `now`: who waits until then, and not later, waits no more.
pub fn advance(now: u64) {
    let clock = CLOCK.with_borrow(Clone::clone).expect("the model has started a clock");
    // Relaxed: as above.
    clock.swap(now, Ordering::Relaxed);
    learn(now);
    let late: Vec<_> = BELLS.with_borrow(|bells| {
        let late = bells.iter().filter(|bell| bell.deadline.is_some_and(|at| at <= now));
        late.map(|bell| bell.ring.clone()).collect()
    });
    for ring in late {
        ring.0.send(Ring::Deadline(now)).expect("it is in our hands");
    }
}
