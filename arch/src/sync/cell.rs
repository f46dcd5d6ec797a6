//! Cells. `UnsafeCell` with loom's interface: access is a closure, so that a model sees its length.

#[cfg(any(not(loom), g0_shuttle))]
pub use core::cell::Cell;
#[cfg(all(loom, not(g0_shuttle)))]
pub use loom::cell::{Cell, UnsafeCell};

/// `core::cell::UnsafeCell` with the interface of loom's.
#[cfg(any(not(loom), g0_shuttle))]
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct UnsafeCell<T: ?Sized>(core::cell::UnsafeCell<T>);

#[cfg(any(not(loom), g0_shuttle))]
impl<T> UnsafeCell<T> {
    /// Returns a cell that holds `value`.
    #[inline]
    pub const fn new(value: T) -> Self {
        UnsafeCell(core::cell::UnsafeCell::new(value))
    }

    /// Returns the value, taken out.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

#[cfg(any(not(loom), g0_shuttle))]
impl<T: ?Sized> UnsafeCell<T> {
    /// Gives reading access: `f` gets the pointer and may read through it under the usual rules.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Gives writing access: `f` gets the pointer and may write through it under the usual rules.
    #[inline(always)]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }

    /// Returns the bare pointer. Not there under loom, so only for code that no model reaches.
    #[inline(always)]
    pub const fn get(&self) -> *mut T {
        self.0.get()
    }
}
