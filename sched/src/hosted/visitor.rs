//! Foreign threads that call back: where they come to, and how their end is known.
//!
//! A thread's end is told by the destructor of a `pthread` key. Those run after the destructors of
//! thread-locals (C++'s and Rust's), so a callback from one of these still finds the thread's M. In the
//! destructors of other keys, afterwards, it borrows one: a key that is set anew there would have its own
//! destructor called again, but only so many times.
//!
//! Threads of C have no [stack for signals](super::signal_stack). At its first callback one is lent to the thread,
//! whether it keeps the M or borrows one each time, and taken back when the thread ends; in the destructors of other
//! keys, for each callback anew.

use core::cell::Cell;
use std::sync::OnceLock;

use g0_stack::overflow::AltStack;

use super::signal_stack::{self, free, signal_stack};
use super::system_stack;
use super::tag::Hosted;
use crate::foreign::extram::thread_ends;
use crate::objects::m::M;
use crate::objects::registry::Registry;
use crate::platform::foreign_code::ForeignCode;

impl ForeignCode for Hosted {
    fn registry() -> Option<&'static Registry> {
        Some(&HOME)
    }

    unsafe fn keep(_: &'static M) -> bool {
        keep()
    }

    unsafe fn lend(_: &'static M) {
        if !keep() {
            system_stack::note();
            signal_stack::lend();
        }
    }

    unsafe fn take_back(_: &'static M) {
        signal_stack::take_back();
    }

    fn errno() -> *mut i32 {
        // SAFETY: asks for this thread's.
        unsafe { libc::__errno_location() }
    }
}

static HOME: Registry = Registry::new();

std::thread_local! {
    /// The destructor has run. Without one itself, so that it can be looked at to the very end.
    static ENDED: Cell<bool> = const { Cell::new(false) };
}

/// Sees to it that the thread has a stack for signals until it ends, and that its end is known. Returns false if that
/// cannot be, as the thread is ending already.
fn keep() -> bool {
    static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();
    let key = *KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: the key is written there, and the destructor lives as long as this code.
        (unsafe { libc::pthread_key_create(&raw mut key, Some(end)) } == 0).then_some(key)
    });
    let Some(key) = key.filter(|_| !ENDED.get()) else { return false };
    // SAFETY: a valid key.
    if !unsafe { libc::pthread_getspecific(key) }.is_null() {
        // It was bound to a runtime that has ended.
        return true;
    }
    system_stack::note();
    let Some(signals) = signal_stack() else { return false };
    // Not in a box: the first allocation of a thread is dear.
    let raw = signals.into_raw();
    let value = if raw.is_null() { OWN } else { raw };
    // SAFETY: a valid key.
    let kept = unsafe { libc::pthread_setspecific(key, value) } == 0;
    if !kept {
        // SAFETY: `into_raw` has made a word of it, and nothing else has that.
        drop(unsafe { AltStack::from_raw(raw) });
    }
    kept
}

unsafe extern "C" fn end(signals: *mut libc::c_void) {
    ENDED.set(true);
    // SAFETY: the thread ends; what it was told to keep it has used for the last time.
    unsafe { thread_ends::<Hosted>() };
    let raw = if signals == OWN { core::ptr::null_mut() } else { signals };
    // SAFETY: `keep` has made a word of it, on this thread.
    free(unsafe { AltStack::from_raw(raw) });
}

/// In the place of a stack that was lent: the thread had its own.
const OWN: *mut libc::c_void = core::ptr::without_provenance_mut(1);
