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

pub(crate) use wait::{give, wait};

const EMPTY: u8 = 0;
const TOKEN: u8 = 1;
const PARKED: u8 = 2;

/// At most one token, for one goroutine.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Token(AtomicU8);

impl Token {
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
    fn commit(&self) -> bool {
        // Release: whoever finds PARKED sees the saved context. On failure the goroutine takes
        // the token itself.
        self.0.compare_exchange(EMPTY, PARKED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Shutdown has woken the goroutine; false when somebody else is about to.
    fn withdraw(&self) -> bool {
        self.0.compare_exchange(PARKED, EMPTY, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

mod wait {
    use core::ptr::NonNull;

    use super::Token;
    use crate::core::phase;
    use crate::exec::enter::{leave, reenter};
    use crate::exec::park::{go_on, gopark, ready_from};
    use crate::exec::switch::core_of;
    use crate::g::G;
    use crate::m::M;
    use crate::platform::Platform;
    use crate::shutdown::{await_late, home, obey, unwind};

    /// The running goroutine `g` parks until it has its `token`, and takes it. Inside before, outside
    /// after; it may be on another M then. Shutdown unwinds out of it.
    #[inline]
    pub(crate) fn wait<P: Platform>(m: &'static M, g: NonNull<G>, token: &Token) {
        /// # Safety
        ///
        /// As [`crate::g::Unlock`]; `arg` is the token.
        unsafe fn commit(arg: *mut u8, _g: NonNull<G>) -> bool {
            // SAFETY: the token lies in a G, which stays.
            unsafe { &*arg.cast::<Token>() }.commit()
        }
        let arg = core::ptr::from_ref(token).cast_mut().cast();
        // SAFETY: whoever turns PARKED into TOKEN wakes us, once.
        let (m, cancelled) = unsafe { gopark::<P>(m, g, commit, arg) };
        if cancelled {
            let m = if token.withdraw() { m } else { await_late::<P>(m, g) };
            leave(m);
            return unwind::<P>(g);
        }
        token.take();
        leave(m);
        if core_of(m).phase() != phase::OPEN {
            // Whoever is woken again and again is not always found parked by shutdown.
            obey::<P>(m, g);
        }
        go_on::<P>(g);
    }

    /// Gives `token` of `g`, from wherever: another goroutine or this one, the system stack, a thread
    /// that is no M, an M of another scheduler, an interrupt handler. Outside.
    ///
    /// # Safety
    ///
    /// `g` is not freed meanwhile: a counted handle keeps it, or it is the running goroutine.
    #[inline]
    pub(crate) unsafe fn give<P: Platform>(g: NonNull<G>, token: &Token) {
        if P::in_interrupt() {
            // SAFETY: the caller's promise.
            return unsafe { crate::interrupt::give::<P>(g, token) };
        }
        if token.give() {
            // SAFETY: it is parked, and the swap makes us the one to wake it.
            unsafe { wake::<P>(g) };
        }
    }

    /// Wakes `g`, which waited for its token.
    ///
    /// # Safety
    ///
    /// The caller has turned the token's PARKED into TOKEN, and keeps `g`.
    unsafe fn wake<P: Platform>(g: NonNull<G>) {
        // SAFETY: Ms are never freed; the caller's promises.
        unsafe {
            let home = home(g);
            match P::current().as_ref() {
                Some(m) if m.running().is_some() && core::ptr::eq(core_of(m), home) => {
                    reenter::<P>(m);
                    ready_from::<P>(Some(m), home, g);
                    leave(m);
                }
                // Also from an M of another scheduler: it may have halted, and never let us in.
                _ => ready_from::<P>(None, home, g),
            }
        }
    }
}
