//! Threads of others that call back: where they come to, and how their end is known.
//!
//! A thread's end is told by the destructor of a `pthread` key. Those run after the destructors of
//! thread-locals (C++'s and Rust's), so a callback from one of these still finds the thread's M. In the
//! destructors of other keys, afterwards, it borrows one: a key that is set anew there would have its own
//! destructor called again, but only so many times.
//!
//! Threads of C have no stack for signals. While one is bound it is lent one, so that a goroutine that
//! overflows its stack there is reported as on any thread; a stack that it has of its own is left alone.

use core::cell::Cell;
use std::boxed::Box;
use std::sync::OnceLock;

use g0_stack::overflow::AltStack;

use super::Hosted;
use crate::extra::thread_ends;
use crate::home::Home;

pub(super) static HOME: Home = Home::new();

std::thread_local! {
    /// The destructor has run. Without one itself, so that it can be looked at to the very end.
    static ENDED: Cell<bool> = const { Cell::new(false) };
}

/// See [`Platform::keep`](crate::Platform::keep).
pub(super) fn keep() -> bool {
    static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();
    let key = *KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: the key is ours, and the destructor lives as long as this code.
        (unsafe { libc::pthread_key_create(&raw mut key, Some(end)) } == 0).then_some(key)
    });
    let Some(key) = key.filter(|_| !ENDED.get()) else { return false };
    // SAFETY: a valid key.
    if !unsafe { libc::pthread_getspecific(key) }.is_null() {
        // It was bound to a runtime that has ended.
        return true;
    }
    let Ok(signals) = AltStack::ensure() else { return false };
    let signals = Box::into_raw(Box::new(signals));
    // SAFETY: a valid key; `end` is given the box.
    let kept = unsafe { libc::pthread_setspecific(key, signals.cast()) } == 0;
    if !kept {
        // SAFETY: nobody else has it.
        drop(unsafe { Box::from_raw(signals) });
    }
    kept
}

unsafe extern "C" fn end(signals: *mut libc::c_void) {
    ENDED.set(true);
    thread_ends::<Hosted>();
    // SAFETY: `keep` made the box, on this thread.
    drop(unsafe { Box::from_raw(signals.cast::<AltStack>()) });
}
