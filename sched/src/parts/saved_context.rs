//! The saved context of a goroutine that does not run.
//!
//! Of a goroutine's owner: written by the switch away from it, read by the switch to it. Sysmon diverts it for a moment
//! ([`detour`](super::detour)), which a model of its own explores with a word of its own; in all other models it is
//! plain data, so that they see a goroutine which is published before its context is saved.

use g0_arch::Context;
#[cfg(loom)]
use g0_arch::sync::OwnedCell;

#[cfg(not(loom))]
use super::detour::Resume;

/// The context.
#[derive(Debug)]
#[repr(transparent)]
#[cfg(loom)]
pub(crate) struct SavedContext(OwnedCell<Context>);

/// The context.
#[derive(Debug)]
#[repr(transparent)]
#[cfg(not(loom))]
pub(crate) struct SavedContext(Resume);

#[cfg(not(loom))]
impl SavedContext {
    pub(crate) const fn new(context: Context) -> Self {
        Self(Resume::new(context.stack_pointer()))
    }

    /// Returns the context, to switch to it.
    ///
    /// # Safety
    ///
    /// The caller must have taken the goroutine out of a queue.
    #[inline(always)]
    pub(crate) unsafe fn get(&self) -> Context {
        Context::at(self.0.take(false))
    }

    /// Overwrites the context.
    ///
    /// # Safety
    ///
    /// The goroutine must be the caller's.
    #[inline(always)]
    pub(crate) unsafe fn set(&self, context: Context) {
        self.0.set(context.stack_pointer());
    }

    /// Returns its address, for the switch that is about to write there.
    #[inline(always)]
    pub(crate) fn as_ptr(&self) -> *mut Context {
        // A context is a word.
        self.0.as_ptr().cast()
    }

    /// Returns the word that sysmon diverts.
    pub(crate) fn word(&self) -> &Resume {
        &self.0
    }
}

#[cfg(loom)]
impl SavedContext {
    pub(crate) fn new(context: Context) -> Self {
        Self(OwnedCell::new(context))
    }

    /// # Safety
    ///
    /// The caller must have taken the goroutine out of a queue.
    pub(crate) unsafe fn get(&self) -> Context {
        // SAFETY: as the caller ensures.
        unsafe { self.0.get() }
    }

    /// # Safety
    ///
    /// The goroutine must be the caller's.
    pub(crate) unsafe fn set(&self, context: Context) {
        // SAFETY: as the caller ensures.
        unsafe { self.0.set(context) };
    }

    pub(crate) fn as_ptr(&self) -> *mut Context {
        self.0.as_ptr()
    }
}
