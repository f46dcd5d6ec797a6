//! Threads of others that call back: where they come to, and how their end is known.
//!
//! A thread's end is told by the destructor of a `pthread` key. Those run after the destructors of
//! thread-locals (C++'s and Rust's), so a callback from one of these still finds the thread's M. In the
//! destructors of other keys, afterwards, it borrows one: a key that is set anew there would have its own
//! destructor called again, but only so many times.

use core::cell::Cell;
use std::sync::OnceLock;

use super::Hosted;
use crate::extra::thread_ends;
use crate::home::Home;
use crate::m::M;

pub(super) static HOME: Home = Home::new();

std::thread_local! {
    /// The destructor has run. Without one itself, so that it can be looked at to the very end.
    static ENDED: Cell<bool> = const { Cell::new(false) };
}

/// See [`Platform::keep`](crate::Platform::keep).
pub(super) fn keep(m: &'static M) -> bool {
    static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();
    let key = *KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: the key is ours, and the destructor lives as long as this code.
        (unsafe { libc::pthread_key_create(&raw mut key, Some(end)) } == 0).then_some(key)
    });
    let Some(key) = key else { return false };
    // SAFETY: a valid key. Its value says no more than that there is something to be done.
    !ENDED.get() && unsafe { libc::pthread_setspecific(key, core::ptr::from_ref(m).cast()) } == 0
}

unsafe extern "C" fn end(_: *mut libc::c_void) {
    ENDED.set(true);
    thread_ends::<Hosted>();
}
