//! A backend that needs no assembly: a context is an OS thread.
//!
//! One thread of all those that make up the contexts of a program runs, the rest wait. A switch
//! passes the right to run, with a value, from one to another.
//!
//! ```text
//!   from                                      to
//!   writes its own baton to *from             waits on its baton
//!   puts the value into to's baton    --->    takes the value, returns from its switch
//!   waits on its own baton
//! ```
//!
//! It is there to run the layers above where there is no assembly yet, and to compare with: a
//! switch costs two system calls and a wake-up. What it cannot do:
//!
//! - `escape`: the frames of a thread cannot be dropped. It panics (which, beneath a
//!   [`Call`], ends the process).
//! - Stacks: the `top` of `init` and the `sp` of `call_on` are ignored, `call_on` calls where it is.
//! - Locking to a thread: a context *is* a thread, whatever switches to it, so thread-locals are
//!   per context.
//!
//! A context that nothing resumes is a thread that waits until the process ends.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::{Arch, Call, Entry};

/// What a suspended context waits for.
enum State {
    /// Made by `init`; the first switch starts the thread.
    Fresh { entry: Entry, data: SendPtr },
    /// A thread waits.
    Waiting,
    /// The value has been given; the thread wakes.
    Given(usize),
}

struct SendPtr(*mut u8);
// SAFETY: `data` is handed to the one thread that runs `entry`, as the caller of `init` asked.
unsafe impl Send for SendPtr {}

/// Where the right to run is handed over.
struct Baton {
    state: Mutex<State>,
    given: Condvar,
}

impl Baton {
    /// Returns a context in the given state, which holds one reference for its resumer.
    fn suspended(state: State) -> ThreadContext {
        ThreadContext(Arc::into_raw(Arc::new(Baton {
            state: Mutex::new(state),
            given: Condvar::new(),
        })))
    }
}

/// A suspended context of [`Threads`]: a counted reference to what its thread waits on.
///
/// > **Invariant.** The reference is taken by the one `switch` that resumes the context; copies
/// > of it made before are dead from then on.
#[derive(Clone, Copy, Debug)]
pub struct ThreadContext(*const Baton);

// SAFETY: the baton it points to is a mutex and a condition variable.
unsafe impl Send for ThreadContext {}
// SAFETY: as above.
unsafe impl Sync for ThreadContext {}

/// The backend in which a context is an OS thread: for targets without assembly.
///
/// No stacks of its own, no [`escape`](Arch::escape), a system call or two at each switch.
#[derive(Clone, Copy, Debug)]
pub struct Threads;

// SAFETY: a suspended context is a thread that waits for its baton, so its stack is intact, and
// the mutex orders what was done before a switch before what follows it on the other side.
unsafe impl Arch for Threads {
    type Context = ThreadContext;
    const EMPTY: ThreadContext = ThreadContext(core::ptr::null());

    unsafe fn init(_top: *mut u8, entry: Entry, data: *mut u8) -> ThreadContext {
        Baton::suspended(State::Fresh { entry, data: SendPtr(data) })
    }

    unsafe fn switch(from: *mut ThreadContext, to: ThreadContext, value: usize) -> usize {
        let mine = Baton::suspended(State::Waiting);
        // The reference inside the context is its resumer's; this one is this thread's.
        // SAFETY: `mine` came from `Arc::into_raw` just now.
        let ours = unsafe {
            Arc::increment_strong_count(mine.0);
            Arc::from_raw(mine.0)
        };
        // SAFETY: the caller ensures that `from` may be written.
        unsafe { from.write(mine) };
        // SAFETY: `to` is suspended and resumed once, so its reference is still there to take.
        let theirs = unsafe { Arc::from_raw(to.0) };
        let old = {
            let mut state = theirs.state.lock().unwrap_or_else(PoisonError::into_inner);
            core::mem::replace(&mut *state, State::Given(value))
        };
        match old {
            State::Fresh { entry, data } => {
                std::thread::spawn(move || {
                    let SendPtr(data) = { data };
                    // SAFETY: the caller of `init` ensured that the two may be used so.
                    unsafe { entry(value, data) }
                });
            }
            State::Waiting => theirs.given.notify_one(),
            State::Given(_) => panic!("g0-arch: a context was resumed twice"),
        }
        let mut state = ours.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let State::Given(value) = *state {
                return value;
            }
            state = ours.given.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    unsafe fn call_on(_sp: *mut u8, f: Call, arg: *mut u8, slot: *mut *mut u8) -> usize {
        let mut here = 0_u8;
        // SAFETY: the caller ensures that `slot` may be written and `f` called with `arg`.
        unsafe {
            slot.write(&raw mut here);
            f(arg)
        }
    }

    unsafe fn escape(_slot: *mut *mut u8, _value: usize) -> ! {
        panic!(
            "g0-arch: the threads backend cannot drop frames; use the assembly backend for escape"
        )
    }
}
