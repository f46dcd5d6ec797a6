//! Telling memory checkers about stacks.
//!
//! A checker that watches every access has its own idea of where the stack is and of which
//! thread runs. A jump to another stack looks to it like a wild write (valgrind), like an access
//! outside of all frames (the address sanitizer) or like one thread doing the work of two (the
//! thread sanitizer). So the code that switches says so, here. Each tool is a cfg given on the command
//! line (`--cfg g0_valgrind`, `--cfg g0_asan`, `--cfg g0_tsan`), never a feature: without its
//! cfg a tool is an empty type with empty inlined functions, and a [`Fiber`] has size zero.
//!
//! The owner of a stack keeps a [`Fiber`] beside it and calls, for a
//! [`switch`](crate::Arch::switch) from `a` to `b`:
//!
//! ```text
//!     a.before_switch(&b);  switch(..);     b.after_switch();
//!     on a's stack                          on b's stack, first of all
//! ```
//!
//! and for a [`call_on`](crate::Arch::call_on) from `a` to a function that runs on `b`:
//!
//! ```text
//!     on a                          on b, in the function
//!     a.before_switch(&b)
//!     call_on(..)            --->   b.after_switch()
//!                                   ...
//!                            <---   b.before_return(&a)
//!     a.after_return()
//! ```
//!
//! The return differs because the thread sanitizer keeps a shadow of the call stack: the
//! function must still be seen to return on `b`, so the change back is made by the caller.
//! All of these are inlined even in debug builds, for the same reason: a function that is entered
//! on one stack and left on another would unbalance both shadows.
//!
//! The thread sanitizer is told that a switch in itself orders nothing (its no-sync flag), so
//! that a missing hand-over is found. Where a protocol hands data over by means that it does not
//! know (fences, `membarrier`, or simply by switching), [`release`] and [`acquire`] say so: the one
//! before `before_switch`, the other before `after_switch`. What the switch itself is given is read
//! into locals before the announcement, for it counts as the other side's after.

#[cfg(g0_asan)]
mod asan;
mod crossing;
#[cfg(not(all(g0_asan, g0_tsan, g0_valgrind)))]
mod off;
#[cfg(g0_tsan)]
mod tsan;
#[cfg(g0_valgrind)]
mod valgrind;

pub use crossing::Crossing;

/// Whether a tool is compiled in: what is read for its sake alone is read only then.
pub const ON: bool = cfg!(any(g0_asan, g0_tsan, g0_valgrind));

cfg_if::cfg_if! {
    if #[cfg(g0_asan)] { use asan::Side as Asan; } else { use off::Side as Asan; }
}
cfg_if::cfg_if! {
    if #[cfg(g0_tsan)] { use tsan::Side as Tsan; } else { use off::Side as Tsan; }
}
cfg_if::cfg_if! {
    if #[cfg(g0_valgrind)] { use valgrind::Side as Valgrind; } else { use off::Side as Valgrind; }
}

/// One tool's part of a [`Fiber`]. What a tool does not care about stays empty.
///
/// # Safety of the methods
///
/// Those of the [`Fiber`] methods of the same names.
trait Tool: Sized {
    const NONE: Self;
    unsafe fn begin(&self, bottom: *mut u8, size: usize);
    unsafe fn adopt(&self);
    #[inline(always)]
    unsafe fn before_switch(&self, _to: &Self) {}
    #[inline(always)]
    unsafe fn before_exit(&self, _to: &Self) {}
    #[inline(always)]
    unsafe fn after_switch(&self) {}
    #[inline(always)]
    fn left(&self) {}
    #[inline(always)]
    unsafe fn before_return(&self, _to: &Self) {}
    #[inline(always)]
    unsafe fn after_return(&self) {}
    #[inline(always)]
    unsafe fn abandon(&self, _frames: usize, _low: *mut u8, _high: *mut u8) {}
    #[inline(always)]
    unsafe fn retire(&self) {}
}

/// What the tools know of one stack. Empty when no tool is compiled in.
#[derive(Debug)]
pub struct Fiber {
    asan: Asan,
    tsan: Tsan,
    valgrind: Valgrind,
}

// SAFETY: the caller of every method ensures that the stack is its own alone at that moment.
unsafe impl Send for Fiber {}
// SAFETY: as above.
unsafe impl Sync for Fiber {}

impl Fiber {
    /// Returns a value that stands for no stack: what a record holds before it has one.
    pub const fn none() -> Fiber {
        Fiber { asan: Tool::NONE, tsan: Tool::NONE, valgrind: Tool::NONE }
    }

    /// Announces a new stack of `size` bytes from `bottom` upwards, and returns what the tools know of it.
    ///
    /// # Safety
    ///
    /// The bytes must be a stack's, and stay so until [`retire`](Fiber::retire).
    #[inline(always)]
    pub unsafe fn new(bottom: *mut u8, size: usize) -> Fiber {
        let fiber = Fiber::none();
        // SAFETY: the contract is handed through unchanged.
        unsafe { fiber.begin(bottom, size) };
        fiber
    }

    /// As [`new`](Fiber::new), in place: for a record that is used for one stack after the other.
    ///
    /// # Safety
    ///
    /// As there; and what the record stood for before must be retired, and nothing else may use it.
    #[inline(always)]
    pub unsafe fn begin(&self, bottom: *mut u8, size: usize) {
        // SAFETY: the contract is handed through unchanged.
        unsafe {
            self.asan.begin(bottom, size);
            self.tsan.begin(bottom, size);
            self.valgrind.begin(bottom, size);
        }
    }

    /// Returns the stack that the calling thread was started on, and is running on now.
    ///
    /// # Safety
    ///
    /// The calling thread must not have left that stack, and the result must be used for this thread only.
    #[inline(always)]
    pub unsafe fn of_thread() -> Fiber {
        let fiber = Fiber::none();
        // SAFETY: the contract is handed through unchanged.
        unsafe { fiber.adopt() };
        fiber
    }

    /// As [`of_thread`](Fiber::of_thread), in place.
    ///
    /// # Safety
    ///
    /// As there; and nothing else may use the record.
    #[inline(always)]
    pub unsafe fn adopt(&self) {
        // SAFETY: the contract is handed through unchanged.
        unsafe {
            self.asan.adopt();
            self.tsan.adopt();
            self.valgrind.adopt();
        }
    }

    /// Announces a switch, or a call, to `to`: the last thing on this stack before it.
    ///
    /// # Safety
    ///
    /// The caller must run on this stack, `to` must be suspended or unused, and the jump must follow
    /// with nothing between.
    #[inline(always)]
    pub unsafe fn before_switch(&self, to: &Fiber) {
        // SAFETY: the contract is handed through unchanged. The thread sanitizer is told last:
        // what runs after that is already counted as the other side's.
        unsafe {
            self.valgrind.before_switch(&to.valgrind);
            self.asan.before_switch(&to.asan);
            self.tsan.before_switch(&to.tsan);
        }
    }

    /// As [`before_switch`](Fiber::before_switch), for the last switch out of this stack.
    ///
    /// # Safety
    ///
    /// As there; and nothing may switch back.
    #[inline(always)]
    pub unsafe fn before_exit(&self, to: &Fiber) {
        // SAFETY: the contract is handed through unchanged.
        unsafe {
            self.valgrind.before_exit(&to.valgrind);
            self.asan.before_exit(&to.asan);
            self.tsan.before_exit(&to.tsan);
        }
    }

    /// Announces the arrival: the first thing on this stack after a switch, or in a function called on it.
    ///
    /// # Safety
    ///
    /// The caller must have just come to this stack, and `before_switch` or `before_exit` must have
    /// announced it.
    #[inline(always)]
    pub unsafe fn after_switch(&self) {
        // SAFETY: the contract is handed through unchanged.
        unsafe {
            self.valgrind.after_switch();
            self.asan.after_switch();
            self.tsan.after_switch();
        }
    }

    /// Says that what was done on this stack until a switch left it happens before whatever the caller
    /// does next: for a thread that takes the stack over (publishes, reuses or retires it) and knows
    /// from the switch itself, or from an ordering of its own, that it has been left.
    #[inline(always)]
    pub fn left(&self) {
        self.asan.left();
        self.tsan.left();
        self.valgrind.left();
    }

    /// Announces the return of the function called on this stack to `to`, or its escape: the last thing
    /// on it.
    ///
    /// # Safety
    ///
    /// The caller must run on this stack, in a `call_on` made from `to`, and return with nothing
    /// between.
    #[inline(always)]
    pub unsafe fn before_return(&self, to: &Fiber) {
        // SAFETY: the contract is handed through unchanged.
        unsafe {
            self.valgrind.before_return(&to.valgrind);
            self.asan.before_return(&to.asan);
            self.tsan.before_return(&to.tsan);
        }
    }

    /// Announces that a `call_on` from this stack has returned: the first thing on it afterwards.
    ///
    /// # Safety
    ///
    /// `before_return` must have announced it.
    #[inline(always)]
    pub unsafe fn after_return(&self) {
        // SAFETY: the contract is handed through unchanged.
        unsafe {
            self.valgrind.after_return();
            self.tsan.after_return();
            self.asan.after_return();
        }
    }

    /// Says that the frames between `low` and `high` on this stack are never seen again: the caller is
    /// in the last of them, and about to leave it by a switch. They are `frames` functions, the caller
    /// included if it is not inlined: as many as are entered and not left.
    ///
    /// # Safety
    ///
    /// What is said must be true, and the caller must run on this stack.
    #[inline(always)]
    pub unsafe fn abandon(&self, frames: usize, low: *mut u8, high: *mut u8) {
        // SAFETY: the contract is handed through unchanged.
        unsafe {
            self.asan.abandon(frames, low, high);
            self.tsan.abandon(frames, low, high);
            self.valgrind.abandon(frames, low, high);
        }
    }

    /// Says that the stack is unused from here on and may be given to another owner.
    ///
    /// # Safety
    ///
    /// Nothing may run on it or return to it, and `self` must not be used again.
    #[inline(always)]
    pub unsafe fn retire(&self) {
        // SAFETY: the contract is handed through unchanged.
        unsafe {
            self.valgrind.retire();
            self.tsan.retire();
            self.asan.retire();
        }
    }
}

/// Tells the address sanitizer that the frames between `low` and `high` are gone, as after
/// [`Arch::escape`](crate::Arch::escape), so that their red zones do not haunt the next user.
///
/// # Safety
///
/// The bytes must belong to the caller and hold no live frame.
#[inline(always)]
pub unsafe fn drop_frames(low: *mut u8, high: *mut u8) {
    #[cfg(g0_asan)]
    // SAFETY: the contract is handed through unchanged.
    unsafe {
        asan::unpoison(low, high.addr().wrapping_sub(low.addr()));
    }
    let _ = (low, high);
}

/// Says that the `size` bytes from `low` are going to be written to, though they are below all frames of
/// their stack: a context is laid out there.
///
/// # Safety
///
/// The bytes must belong to the caller and hold nothing.
#[inline(always)]
pub unsafe fn open(low: *mut u8, size: usize) {
    #[cfg(g0_asan)]
    // SAFETY: the contract is handed through unchanged.
    unsafe {
        asan::unpoison(low, size);
    }
    #[cfg(g0_valgrind)]
    // SAFETY: the contract is handed through unchanged.
    unsafe {
        valgrind::open(low, size);
    }
    let _ = (low, size);
}

/// Says that what the caller has done so far happens before whatever follows an [`acquire`] of the same
/// address. For protocols whose means the thread sanitizer does not know; it orders nothing by itself.
#[inline(always)]
pub fn release<T>(address: *const T) {
    #[cfg(g0_tsan)]
    tsan::release(address.cast());
    let _ = address;
}

/// Says that what was done before a [`release`] of the same address happens before what the caller does
/// next.
#[inline(always)]
pub fn acquire<T>(address: *const T) {
    #[cfg(g0_tsan)]
    tsan::acquire(address.cast());
    let _ = address;
}
