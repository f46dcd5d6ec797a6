//! Unwinding by Rust's own panics.

use std::boxed::Box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;

use crate::{Goexit, Panics, Payload, Throw, Unwind};

/// Rust's unwinder. With `panic = "abort"` a panic never reaches a catch, and a throw ends the
/// process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rust;

impl Unwind for Rust {
    type Payload = Payload;

    // Unwind safety guards against seeing, after a catch, data that a panic left half changed.
    // `AssertUnwindSafe` is sound whatever `f` does (the bound is advice, not a safety requirement) and
    // right here, because no catch through this trait carries on as if nothing had happened: a scope
    // runs its deferred calls, as drops would during unwinding, and goes on with the payload; a base
    // hands the payload to the joiner, as `std::thread` does.
    #[inline]
    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
        catch_unwind(AssertUnwindSafe(f))
    }

    // Inlined, for each frame on the way costs an unwinder about as much as all that this crate does.
    #[inline(always)]
    fn resume(payload: Payload) -> ! {
        resume_unwind(payload)
    }

    #[cold]
    fn replace(newer: Payload, older: Payload) -> Payload {
        Box::new(Panics::joined(older, newer))
    }

    fn recovered(payload: Payload) -> (Option<Payload>, Option<Payload>) {
        Panics::recovered(payload)
    }

    fn show(payload: &Payload, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        Panics::show(payload, f)
    }

    fn is_goexit(payload: &Payload) -> bool {
        is_goexit(payload)
    }

    #[inline]
    fn panicking() -> bool {
        std::thread::panicking()
    }

    #[cold]
    fn holding(holds: bool) {
        if let Some(holder) = HOLDER.get() {
            holder(holds);
        }
    }
}

/// What is told of [`Unwind::holding`].
static HOLDER: OnceLock<fn(bool)> = OnceLock::new();

/// Has `holder` told, from now on, when a scope on its thread holds a payload: see
/// [`Unwind::holding`]. Once for the process, by its scheduler; later calls change nothing.
pub fn on_holding(holder: fn(bool)) {
    let _ = HOLDER.set(holder);
}

impl Throw for Rust {
    #[cold]
    fn goexit() -> ! {
        // A box of a zero-size type: no allocation.
        resume_unwind(Box::new(Goexit))
    }
}

/// Returns whether this is the payload of a Goexit (or of several unwindings, the newest of which is one).
///
/// Takes the box by reference and not a `&dyn Any`: a `&Box<dyn Any>` turns into a `&dyn Any` *of
/// the box*, silently, and the answer would always be no.
pub fn is_goexit(payload: &Payload) -> bool {
    match payload.downcast_ref::<Panics>() {
        Some(panics) => panics.newest().is::<Goexit>(),
        None => payload.is::<Goexit>(),
    }
}
