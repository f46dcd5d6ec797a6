//! Starting goroutines.

use core::panic::Location;
use core::ptr;

use super::join::JoinHandle;
use crate::exec::spawn::start;
use crate::objects::scope_state::ScopeState;
use crate::parts::error::Error;
use crate::platform::Platform;

/// How a goroutine is to be started.
#[derive(Debug, Clone, Copy)]
#[must_use = "nothing is started before `spawn`"]
pub struct Go {
    name: &'static str,
    insists: bool,
}

impl Go {
    /// Returns a `Go` without a name.
    pub const fn new() -> Self {
        Self { name: "", insists: false }
    }

    /// Names the goroutine in messages.
    pub const fn name(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Says that a goroutine which is unwound by the end of its run may start another, which ends at once; without it
    /// that is refused, as [`Error::ShutDown`].
    #[doc(hidden)]
    pub const fn insists(self) -> Self {
        Self { insists: true, ..self }
    }

    /// Starts `f` as a goroutine of the running one's scheduler and returns its handle.
    ///
    /// # Errors
    ///
    /// See [`Error`]; `f` is dropped.
    ///
    /// # Panics
    ///
    /// On the system stack.
    #[track_caller]
    #[inline]
    pub fn spawn<P: Platform, F, T>(&self, f: F) -> Result<JoinHandle<T, P>, Error>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: nothing is borrowed.
        unsafe { spawn_raw(self, f, ptr::null()) }
    }
}

impl Default for Go {
    fn default() -> Self {
        Self::new()
    }
}

/// What `go` does in place of returning an error: it panics.
#[cold]
#[inline(never)]
#[track_caller]
pub fn refuse(error: Error) -> ! {
    panic!("g0: no goroutine started: {error}")
}

/// As [`Go::spawn`].
///
/// # Safety
///
/// The goroutine must end before anything that `F` and `T` borrow; `scope` must be null or live as
/// long.
#[track_caller]
#[inline]
pub(crate) unsafe fn spawn_raw<P: Platform, F, T>(
    go: &Go,
    f: F,
    scope: *const ScopeState,
) -> Result<JoinHandle<T, P>, Error>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let site = Location::caller();
    // SAFETY: the goroutine ends before what it borrows, as the caller ensures; this is its one
    // handle.
    unsafe {
        let (g, result) = start::<P, F, T>(f, go.name, site, scope, go.insists)?;
        Ok(JoinHandle::new(g, result))
    }
}
