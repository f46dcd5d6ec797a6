//! The owner of a P: the claim protocol (L5, L18).
//!
//! A P's queues are plain data. The M that owns the P uses them without a lock; when that M has
//! been away for long (in a foreign call, in an endless loop) another thread takes the P from it.
//! Both agree by two words of the *M*:
//!
//! ```text
//!   inside  1 while the M runs the scheduler's own code, 0 in user and foreign code
//!   word    generation << 3 | state
//!
//!             own()                    raise(), ask()
//!      NONE ─────────▶ OWNED ───────────────────────────▶ RAISED ──┐ raise(), ask(), holds_raised():
//!      ▲ ▲               │ ▲   either lowers it (gen kept)  ││ ▲   │ the next generation
//!      │ │    give()     │ └────────────────────────────────┤│ └───┘
//!      │ └───────────────┘ ▲                          take()││
//!      │                   │                               ▼│ borrow()
//!      │                   │ give_back()               TAKEN▼
//!      │                   └─────────────────────────── BORROWED
//!      └───────────────────────────────────────────────────┘
//!        the M comes inside, misses its P: the borrower keeps it
//!
//!        own() from TAKEN leads to OWNED, own_raised() to RAISED
//! ```
//!
//! A claim is raised for two reasons. A *retaker* wants the P: it raises the claim, and a moment later takes or
//! lowers it. Or the M is *asked* to look up, because its goroutine's turn is over, or the run: then the claim
//! stays raised until the M has answered, and no operation pays for the question but that which finds it. An
//! operation that may not answer leaves the claim raised under a new generation, so that a retaker which
//! raised it before cannot take the P that the M is using.
//!
//! An M with a P and nothing to do *borrows* the P of one that computes, for the length of a look into what thieves
//! do not reach: it raises the claim as a retaker does, takes the P as BORROWED, and gives it back. The M that has
//! lent it need not notice. If it comes inside meanwhile it does not wait for the P: it leaves it to the borrower,
//! by a compare-and-swap, for the giving back is one too, and exactly one of the two succeeds. A question that was
//! raised before, or is asked meanwhile, is raised when the P is back.
//!
//! *enter* stores `inside`, passes the light fence and loads the word. *retake* raises the word,
//! passes the heavy fence and loads `inside`. So either the M sees RAISED and takes the claim
//! back, or the retaker sees it inside and lowers the claim, or both: neither waits for the other.
//!
//! ```text
//!   M                                   retaker
//!   inside := 1      (Relaxed)          word := RAISED(g+1)   (compare-and-swap)
//!   light fence                         heavy fence
//!   load word        (Acquire)          load inside           (Acquire)
//!   OWNED: go on                        1: word := OWNED(g+1) (compare-and-swap)
//!   RAISED: back to OWNED by CAS        0: word := TAKEN(g+1) (compare-and-swap)
//! ```
//!
//! > **L5** A P has one owner.
//!
//! > **L18** An M without a P touches none; a P is never taken from an M that is inside.
//!
//! *Rejected.* The flag on the P: an M that has lost its P and got another reads the wrong flag,
//! and two Ms own one P. A word without a generation: a retaker that slept between its raise and
//! its take mistakes a second retaker's raise for its own, and takes from an M that has been
//! inside since. Waiting for the retaker's verdict, or for the borrower: one that is preempted would block the M.
//! Lending by the state TAKEN: an M that finds it would have to swap it away also where nothing is given back.

use g0_arch::sync::atomic::{AtomicUsize, Ordering};

use super::light_fence::light_fence;

const STATE: usize = 7;
const OWNED: usize = 0;
const RAISED: usize = 1;
const TAKEN: usize = 2;
const NONE: usize = 3;
const BORROWED: usize = 4;
/// The same, and the M is asked to look up.
const BORROWED_ASKED: usize = 5;
const GENERATION: usize = 8;

/// The claim words of one M.
#[derive(Debug)]
pub struct Claim {
    inside: AtomicUsize,
    word: AtomicUsize,
}

/// A P that was borrowed, and must be given back.
#[must_use = "a borrowed P must be given back, or kept if that fails"]
#[derive(Debug)]
pub struct Borrowed(usize);

/// A claim that a retaker has raised and neither lowered nor taken yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raised {
    word: usize,
    /// It was raised before, so it is not the retaker's to lower.
    before: bool,
}

impl Claim {
    maybe_const! {
        /// Returns the claim of an M outside, without a P.
        pub fn new() -> Self {
            Self { inside: AtomicUsize::new(0), word: AtomicUsize::new(NONE) }
        }
    }

    /// Marks this M inside; returns true when it still owns its P and no claim is raised, else see
    /// [`holds`](Self::holds). Its own thread only.
    #[inline(always)]
    pub fn enter(&self, symmetric: bool) -> bool {
        // Relaxed: the fence below orders it before the load of the word; what it protects is
        // published by `exit`'s release and `take`'s acquire.
        self.inside.store(1, Ordering::Relaxed);
        light_fence(symmetric);
        // Acquire: with a word last written by a retaker that lowered its claim.
        self.is_owned()
    }

    /// Moves a raised claim to what `answer` makes of the word, and leaves a borrowed P to its borrower; returns
    /// whether the M has a P.
    #[cold]
    fn reclaim(&self, answer: impl Fn(usize) -> usize) -> bool {
        loop {
            let word = self.word.load(Ordering::Acquire);
            let (next, has_p) = match word & STATE {
                OWNED => return true,
                RAISED => (answer(word), true),
                BORROWED | BORROWED_ASKED => (word & !STATE | NONE, false),
                _ => return false,
            };
            // AcqRel: with a giving back that fails.
            if self.word.compare_exchange(word, next, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return has_p;
            }
        }
    }

    /// Leaves: what this M did to its P is visible to a retaker that takes it. Its own thread only.
    #[inline(always)]
    pub fn exit(&self) {
        // Release: pairs with the Acquire load in `take`, and carries the P's data.
        self.inside.store(0, Ordering::Release);
    }

    /// Returns whether the M is inside. If it is not, the caller sees what it has done inside.
    #[inline(always)]
    pub fn is_inside(&self) -> bool {
        // Acquire: pairs with `exit`.
        self.inside.load(Ordering::Acquire) != 0
    }

    /// Returns whether the P is owned and no claim on it is raised. Its own thread only.
    #[inline(always)]
    pub fn is_owned(&self) -> bool {
        self.word.load(Ordering::Acquire) & STATE == OWNED
    }

    /// Returns whether this M has a P, wherever it is. For models.
    #[cfg(loom)]
    pub fn has(&self) -> bool {
        // What is borrowed is its own until it misses it.
        !matches!(self.word.load(Ordering::Acquire) & STATE, TAKEN | NONE)
    }

    /// Returns whether this M, which is inside, has a P; takes a raised claim back. Its own thread only.
    #[inline(always)]
    pub fn holds(&self) -> bool {
        self.is_owned() || self.reclaim(|word| word & !STATE | OWNED)
    }

    /// As [`holds`](Self::holds), but leaves a claim raised. Its own thread only.
    pub fn holds_raised(&self) -> bool {
        self.reclaim(next_raised)
    }

    /// Marks that this M, inside and without a P, has got one.
    pub fn own(&self) {
        self.own_as(OWNED);
    }

    /// As [`own`](Self::own), of an M that has a question to answer: its claim is raised from the first.
    pub fn own_raised(&self) {
        self.own_as(RAISED);
    }

    fn own_as(&self, state: usize) {
        let word = self.word.load(Ordering::Relaxed);
        debug_assert!(matches!(word & STATE, NONE | TAKEN), "L5: an M takes a second P");
        // A plain store: from NONE and TAKEN no other thread moves the word. Release: a retaker that
        // raises this claim sees everything before it, `m.p` above all.
        self.word.store(word & !STATE | state, Ordering::Release);
    }

    /// Gives away the P of this M, which is inside, of its own accord.
    ///
    /// A compare-and-swap, not a store: a retaker may be raising, and the generation it has
    /// reached must never come again.
    pub fn give(&self) {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            debug_assert!(matches!(word & STATE, OWNED | RAISED), "L18: gives a P it has not");
            let none = (word & !STATE).wrapping_add(GENERATION) | NONE;
            match self.word.compare_exchange(word, none, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Raises the claim, the retaker's first step; a heavy fence must follow before [`take`](Self::take).
    /// Returns `None` if the M has no P.
    pub fn raise(&self) -> Option<Raised> {
        let word = self.word.load(Ordering::Acquire);
        if !matches!(word & STATE, OWNED | RAISED) {
            return None;
        }
        let raised = next_raised(word);
        self.word
            .compare_exchange(word, raised, Ordering::AcqRel, Ordering::Relaxed)
            .ok()
            .map(|_| Raised { word: raised, before: word & STATE == RAISED })
    }

    /// Asks the M to look up at its next operation, and takes nothing: the claim stays raised until the M
    /// lowers it. Returns false if the M has no P. Any thread.
    pub fn ask(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let asked = match word & STATE {
                // Over a retaker's claim too, which then fails: it would lower this one.
                OWNED | RAISED => next_raised(word),
                // The borrower raises it with the P.
                BORROWED | BORROWED_ASKED => word & !STATE | BORROWED_ASKED,
                _ => return false,
            };
            // AcqRel: the M sees why it is asked.
            match self.word.compare_exchange(word, asked, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// Takes or lowers the claim, the retaker's last step, after the heavy fence: returns true when the P is
    /// now the retaker's. `second_look` is asked between the fence and the decision: is the reason still
    /// there?
    pub fn take(&self, raised: Raised, second_look: impl FnOnce() -> bool) -> bool {
        self.decide(raised, TAKEN, second_look).is_some()
    }

    /// As [`take`](Self::take), for a moment: returns the P's loan when the P is the caller's until it calls
    /// [`give_back`](Self::give_back).
    pub fn borrow(&self, raised: Raised, second_look: impl FnOnce() -> bool) -> Option<Borrowed> {
        let state = if raised.before { BORROWED_ASKED } else { BORROWED };
        self.decide(raised, state, second_look).map(Borrowed)
    }

    /// Moves the raised claim to `verdict` if the M is outside and `second_look` agrees, and returns the word; else
    /// lowers it.
    fn decide(
        &self,
        raised: Raised,
        verdict: usize,
        second_look: impl FnOnce() -> bool,
    ) -> Option<usize> {
        // Acquire: pairs with `exit`, and brings the P's data with it.
        let outside = self.inside.load(Ordering::Acquire) == 0;
        let agreed = outside && second_look();
        if !agreed && raised.before {
            return None; // it stays raised for the one that raised it first
        }
        let word = raised.word & !STATE | if agreed { verdict } else { OWNED };
        self.word
            .compare_exchange(raised.word, word, Ordering::AcqRel, Ordering::Relaxed)
            .ok()
            .filter(|_| agreed)
            .map(|_| word)
    }

    /// Gives a borrowed P back; returns false when the M has missed it: then the P is the caller's for good.
    #[must_use = "when false, the P is the caller's"]
    pub fn give_back(&self, borrowed: Borrowed) -> bool {
        let mut word = borrowed.0;
        loop {
            let back = if word & STATE == BORROWED_ASKED {
                next_raised(word)
            } else {
                word & !STATE | OWNED
            };
            // Release: the M sees what the borrower did to the P. It fails once if the M is asked meanwhile, and
            // for good if it has missed its P.
            match self.word.compare_exchange(word, back, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) if now == word & !STATE | BORROWED_ASKED => word = now,
                Err(_) => return false,
            }
        }
    }
}

/// Returns the word, of an M with a P, with its claim raised anew.
fn next_raised(word: usize) -> usize {
    (word & !STATE).wrapping_add(GENERATION) | RAISED
}

impl Default for Claim {
    fn default() -> Self {
        Self::new()
    }
}
