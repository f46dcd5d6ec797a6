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
//! > A giver that changed something before it gave the token is sure that the goroutine looks again:
//! > the goroutine takes by a swap, which reads what the last giver wrote, before it looks (L22).
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

    /// Empties it for a new goroutine, for which no giver is there yet.
    pub(crate) fn reset(&self) {
        self.0.store(EMPTY, Ordering::Relaxed);
    }

    /// Gives the token. Returns true when the goroutine waits: then the caller must wake it.
    #[inline]
    pub(crate) fn give(&self) -> bool {
        self.0.swap(TOKEN, Ordering::AcqRel) == PARKED
    }

    /// Takes the token; returns whether there was one. The goroutine itself alone may call it.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        // Acquire: what was done before the token was given is visible. Nothing is published.
        self.0.swap(EMPTY, Ordering::Acquire) == TOKEN
    }

    /// Marks that the goroutine has left its stack and waits; returns false when the token is there.
    pub(crate) fn commit(&self) -> bool {
        // Release: a giver that finds PARKED sees the saved context. On failure the goroutine takes
        // the token itself.
        self.0.compare_exchange(EMPTY, PARKED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Ends the wait, for shutdown has woken the goroutine; returns false when a giver is about to wake it.
    pub(crate) fn withdraw(&self) -> bool {
        self.0.compare_exchange(PARKED, EMPTY, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
