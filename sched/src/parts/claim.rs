//! The owner of a P: the claim protocol (L5, L18).
//!
//! A P's queues are plain data. The M that owns the P uses them without a lock; when that M has
//! been away for long (in a foreign call, in an endless loop) another thread takes the P from it.
//! Both agree by two words of the *M*:
//!
//! ```text
//!   inside  1 while the M runs the scheduler's own code, 0 in user and foreign code
//!   word    generation << 2 | state
//!
//!             own()                    raise(), ask()
//!      NONE ─────────▶ OWNED ───────────────────────────▶ RAISED ──┐ raise(), ask(), holds_raised():
//!        ▲               │ ▲   either lowers it (gen kept)   │ ▲   │ the next generation
//!        │    give()     │ └─────────────────────────────────┤ └───┘
//!        └───────────────┘                                   │ take()
//!        own() from TAKEN leads to OWNED                     ▼
//!        own_raised() to RAISED                            TAKEN
//! ```
//!
//! A claim is raised for two reasons. A *retaker* wants the P: it raises the claim, and a moment later takes or
//! lowers it. Or the M is *asked* to look up, because its goroutine's turn is over, or the run: then the claim
//! stays raised until the M has answered, and no operation pays for the question but that which finds it. An
//! operation that may not answer leaves the claim raised under a new generation, so that a retaker which
//! raised it before cannot take the P that the M is using.
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
//! inside since. Waiting for the retaker's verdict: a preempted retaker would block the M.

use g0_arch::sync::atomic::{AtomicUsize, Ordering};

use super::light_fence::light_fence;

const STATE: usize = 3;
const OWNED: usize = 0;
const RAISED: usize = 1;
const TAKEN: usize = 2;
const NONE: usize = 3;
const GENERATION: usize = 4;

/// The claim words of one M.
#[derive(Debug)]
pub struct Claim {
    inside: AtomicUsize,
    word: AtomicUsize,
}

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

    /// Moves a raised claim to what `answer` makes of the word; returns whether the M has a P.
    #[cold]
    fn reclaim(&self, answer: impl Fn(usize) -> usize) -> bool {
        loop {
            let word = self.word.load(Ordering::Acquire);
            match word & STATE {
                OWNED => return true,
                RAISED => {
                    let answered = answer(word);
                    if self
                        .word
                        .compare_exchange(word, answered, Ordering::AcqRel, Ordering::Acquire)
                        .is_ok()
                    {
                        return true;
                    }
                }
                _ => return false,
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
        matches!(self.word.load(Ordering::Acquire) & STATE, OWNED | RAISED)
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
        while matches!(word & STATE, OWNED | RAISED) {
            // Over a retaker's claim too, which then fails: it would lower this one. AcqRel: the M sees why
            // it is asked.
            let raised = next_raised(word);
            match self.word.compare_exchange(word, raised, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Takes or lowers the claim, the retaker's last step, after the heavy fence: returns true when the P is
    /// now the retaker's. `second_look` is asked between the fence and the decision: is the reason still
    /// there?
    pub fn take(&self, raised: Raised, second_look: impl FnOnce() -> bool) -> bool {
        // Acquire: pairs with `exit`, and brings the P's data with it.
        let outside = self.inside.load(Ordering::Acquire) == 0;
        let verdict = if outside && second_look() { TAKEN } else { OWNED };
        if verdict == OWNED && raised.before {
            return false; // it stays raised for the one that raised it first
        }
        let word = raised.word & !STATE | verdict;
        self.word.compare_exchange(raised.word, word, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            && verdict == TAKEN
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
