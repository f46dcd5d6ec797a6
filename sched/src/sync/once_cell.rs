//! A value that is written once.

use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use g0_arch::sync::cell::UnsafeCell;

use super::once::Once;
use crate::exec::suspend::suspend_here;
use crate::platform::Platform;

/// A value that the first writer writes, once, and that any number of threads may read. Names are
/// those of `std`'s `OnceLock`. Needs no allocator and may lie in a static.
///
/// | | |
/// |---|---|
/// | the closure of `get_or_init` panics | the cell is still empty, and the next caller's closure runs |
/// | the closure comes to the same cell | a goroutine panics; a thread that is no M waits for itself for ever |
/// | setting it twice | the value comes back |
///
/// ```
/// # #[cfg(feature = "std")] {
/// use g0_sched::{OnceCell, Runtime, go};
///
/// static NAME: OnceCell<String> = OnceCell::new();
/// Runtime::builder().build().unwrap().run(|| {
///     let one = go(|| NAME.get_or_init(|| "first".into()).clone());
///     let two = go(|| NAME.get_or_init(|| "second".into()).clone());
///     assert_eq!(one.join().unwrap(), two.join().unwrap());
/// }).unwrap();
/// # }
/// ```
pub struct OnceCell<T, P: Platform> {
    once: Once<P>,
    /// Written by the closure of `once`; there when that is complete.
    value: UnsafeCell<MaybeUninit<T>>,
    _owns: PhantomData<T>,
}

// SAFETY: one thread writes the value, many read it, and another may drop it.
unsafe impl<T: Send + Sync, P: Platform> Sync for OnceCell<T, P> {}
// SAFETY: a cell is tied to no thread.
unsafe impl<T: Send, P: Platform> Send for OnceCell<T, P> {}

impl<T, P: Platform> OnceCell<T, P> {
    maybe_const! {
        /// Returns an empty cell.
        pub fn new() -> Self {
            Self {
                once: Once::new(),
                value: UnsafeCell::new(MaybeUninit::uninit()),
                _owns: PhantomData,
            }
        }
    }

    /// Returns the value, or `None` if it has not been written. Any context.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: it has been written, which is visible, and it is never written again.
        self.once.is_completed().then(|| unsafe { self.value_unchecked() })
    }

    /// Returns the value, or `None` if it has not been written.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        // SAFETY: it has been written, and `&mut self` is the only reference.
        self.once
            .is_completed()
            .then(|| self.value.with_mut(|value| unsafe { (*value).assume_init_mut() }))
    }

    /// Writes `value`; waits while another caller writes.
    ///
    /// # Errors
    ///
    /// Gives `value` back when the cell has one already.
    ///
    /// # Panics
    ///
    /// When called by the cell's own closure, and on the system stack unless it has a value.
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("g0: a closure runs once"));
        value.map_or(Ok(()), Err)
    }

    /// Returns the value; if there is none, `f` makes it. Of several callers one runs its closure,
    /// and the rest wait.
    ///
    /// # Panics
    ///
    /// When `f` does; when `f` comes to the same cell; on the system stack, unless there is a
    /// value.
    #[inline]
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
        match self.get_or_try_init(|| Ok::<T, Infallible>(f())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// As [`get_or_init`](Self::get_or_init), with a closure that may fail.
    ///
    /// # Errors
    ///
    /// That of `f`; the cell is still empty then, and the next caller's closure runs.
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](Self::get_or_init).
    #[inline]
    pub fn get_or_try_init<E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(value) = self.get() {
            suspend_here::<P>();
            return Ok(value);
        }
        let mut result = Ok(());
        self.once.call_once_force(|state| match f() {
            // SAFETY: there is no reader before the closure has returned, and `once` runs one
            // closure at a time.
            Ok(value) => self.value.with_mut(|slot| unsafe {
                (*slot).write(value);
            }),
            Err(error) => {
                state.poison();
                result = Err(error);
            }
        });
        // SAFETY: written, by this closure or by that of another caller.
        result.map(|()| unsafe { self.value_unchecked() })
    }

    /// Waits until there is a value, and returns it.
    ///
    /// # Panics
    ///
    /// When called by the cell's own closure, and on the system stack unless there is a value.
    pub fn wait(&self) -> &T {
        self.once.wait_force();
        // SAFETY: `wait_force` returns when the value has been written.
        unsafe { self.value_unchecked() }
    }

    /// Takes the value out and returns it, or `None` if there is none; the cell is empty then.
    pub fn take(&mut self) -> Option<T> {
        if !self.once.is_completed() {
            return None;
        }
        self.once = Once::new();
        // SAFETY: there was a value, and the new `Once` says that there is none: it is read out
        // once.
        Some(self.value.with_mut(|value| unsafe { (*value).assume_init_read() }))
    }

    /// Returns the value, or `None` if it has not been written.
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }

    /// # Safety
    ///
    /// The value must have been written, and that must be visible here.
    #[inline(always)]
    unsafe fn value_unchecked(&self) -> &T {
        // SAFETY: it has been written, as the caller ensures.
        self.value.with(|value| unsafe { (*value).assume_init_ref() })
    }
}

impl<T, P: Platform> Drop for OnceCell<T, P> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T, P: Platform> Default for OnceCell<T, P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, P: Platform> From<T> for OnceCell<T, P> {
    fn from(value: T) -> Self {
        Self {
            once: Once::done(),
            value: UnsafeCell::new(MaybeUninit::new(value)),
            _owns: PhantomData,
        }
    }
}

impl<T: Clone, P: Platform> Clone for OnceCell<T, P> {
    fn clone(&self) -> Self {
        self.get().map_or_else(Self::new, |value| Self::from(value.clone()))
    }
}

impl<T: PartialEq, P: Platform> PartialEq for OnceCell<T, P> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq, P: Platform> Eq for OnceCell<T, P> {}

impl<T: fmt::Debug, P: Platform> fmt::Debug for OnceCell<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("OnceCell");
        match self.get() {
            Some(value) => shown.field(value),
            None => shown.field(&format_args!("<empty>")),
        };
        shown.finish()
    }
}
