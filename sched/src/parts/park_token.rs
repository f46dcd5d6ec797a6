//! One token, and the goroutine that waits for it.
//!
//! ```text
//!            give                            take
//!   EMPTY ──────────▶ TOKEN ──────────────────────────────▶ EMPTY
//!     │                 ▲
//!     │ commit          │ give: true, "you wake it"
//!     └──────────────▶ PARKED ── withdraw (shutdown) ──────▶ EMPTY
//! ```
//!
//! > Who gives a token after having changed something is sure that the goroutine looks again:
//! > the goroutine takes by a swap, which reads what the last giver wrote, before it looks.
//!
//! So a goroutine that comes out of a wait takes the token too, though it knows that it is there:
//! overwriting it would drop the token of a second giver unseen.

use g0_arch::sync::atomic::{AtomicU8, Ordering};

const EMPTY: u8 = 0;

const TOKEN: u8 = 1;

const PARKED: u8 = 2;

/// At most one token, for one goroutine.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct ParkToken(AtomicU8);

impl ParkToken {
    maybe_const! {
        pub(crate) fn new() -> Self {
            Self(AtomicU8::new(EMPTY))
        }
    }

    /// For a new goroutine: nobody gives yet.
    pub(crate) fn reset(&self) {
        self.0.store(EMPTY, Ordering::Relaxed);
    }

    /// Gives the token. True: the goroutine waits, and is the caller's to wake.
    #[inline]
    pub(crate) fn give(&self) -> bool {
        self.0.swap(TOKEN, Ordering::AcqRel) == PARKED
    }

    /// Takes the token, if there is one. The goroutine itself.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        // Acquire: what was done before the token was given is visible. Nothing is published.
        self.0.swap(EMPTY, Ordering::Acquire) == TOKEN
    }

    /// The goroutine has left its stack and waits; false when the token is there.
    pub(crate) fn commit(&self) -> bool {
        // Release: whoever finds PARKED sees the saved context. On failure the goroutine takes
        // the token itself.
        self.0.compare_exchange(EMPTY, PARKED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Shutdown has woken the goroutine; false when somebody else is about to.
    pub(crate) fn withdraw(&self) -> bool {
        self.0.compare_exchange(PARKED, EMPTY, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
