//! Starting goroutines.

use core::panic::Location;
use core::ptr;

use super::join::JoinHandle;
use crate::exec::spawn::{start, start_sized};
use crate::objects::scope_state::ScopeState;
use crate::parts::error::Error;
use crate::platform::Platform;

/// How a goroutine is to be started.
#[derive(Debug, Clone, Copy)]
#[must_use = "nothing is started before `spawn`"]
pub struct Go {
    name: &'static str,
    insists: bool,
    stack_size: Option<usize>,
}

impl Go {
    /// Returns a `Go` without a name.
    pub const fn new() -> Self {
        Self { name: "", insists: false, stack_size: None }
    }

    /// Names the goroutine in messages.
    pub const fn name(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Asks for a stack of at least so many bytes: one of the smallest class that the scheduler has and that holds them.
    /// A hosted runtime has all powers of two from 4 KiB to 1 GiB (1 and 2 KiB too with `Builder::packed_stacks`), another
    /// scheduler those that its
    /// [owner](crate::Scheduler::stack_classes) gave it. Such a spawn takes a lock, some 50 ns more than one without a
    /// size, and stacks of each class are kept for the next goroutine of that class.
    ///
    /// Without it the stack is of the size that the runtime gives all its goroutines. A size of 0, and one beyond the
    /// largest class, is refused by the spawn: [`Error::StackSize`].
    pub const fn stack_size(self, bytes: usize) -> Self {
        Self { stack_size: Some(bytes), ..self }
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
        let (g, result) = match go.stack_size {
            None => start::<P, F, T>(f, go.name, site, scope, go.insists)?,
            Some(bytes) => start_sized::<P, F, T>(f, go.name, site, scope, go.insists, bytes)?,
        };
        Ok(JoinHandle::new(g, result))
    }
}
