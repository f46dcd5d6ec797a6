//! The stacks on which threads that run goroutines handle signals.
//!
//! A goroutine that overflows its stack has no room for the handler that reports it, and a handler of the program's
//! may need more than a goroutine has. So every thread that runs goroutines has an alternate stack:
//!
//! | thread | what it has | until |
//! |---|---|---|
//! | started by the runtime | one of 64 KiB, in place of std's of 8 KiB; std's own again afterwards, which std frees | it is no M any more |
//! | the one that calls `run`, if it becomes an M | what it has of its own; else one that is lent | it is no M any more |
//! | foreign, at its first callback | the same | it ends; in the destructors of its thread-locals, the callback's end |
//!
//! Where `main` is C's, std's threads have none of their own. The memory has a guard page beneath. It is taken off
//! the thread before it is used again; what runs a handler on it at that moment keeps it. A stack that the thread has
//! got itself in the meantime stays the thread's. What threads have given back is kept for the next, for mapping it
//! takes longer than all else.

use core::cell::Cell;
use core::mem::ManuallyDrop;
use std::sync::{Mutex, PoisonError};
use std::vec::Vec;

use g0_stack::StackError;
use g0_stack::overflow::{AltStack, SignalStack};

/// Signal stacks that no thread has.
static SPARE: Mutex<Vec<SignalStack>> = Mutex::new(Vec::new());
/// More are not kept.
const MOST: usize = 32;

std::thread_local! {
    /// The runtime has started this thread. Without a destructor, as the next.
    static STARTED: Cell<bool> = const { Cell::new(false) };
    /// What [`lend`] has given to the thread.
    static LENT: Cell<Option<ManuallyDrop<AltStack>>> = const { Cell::new(None) };
}

/// Says that the calling thread runs nothing but an M, for which it was started.
pub(super) fn is_started() {
    STARTED.set(true);
}

/// Sees to it that the calling thread, which becomes an M, has a stack until [`take_back`]. Without memory it has what
/// it had: an overflow there is an ordinary fault, no error.
pub(super) fn lend() {
    let stack = if STARTED.get() { given(AltStack::in_place) } else { signal_stack() };
    LENT.set(stack.map(ManuallyDrop::new));
}

/// Takes back what [`lend`] has given.
pub(super) fn take_back() {
    if let Some(stack) = LENT.take() {
        free(ManuallyDrop::into_inner(stack));
    }
}

/// Sees to it that the calling thread has a stack, and returns what it was given for that; `None` without memory.
pub(super) fn signal_stack() -> Option<AltStack> {
    given(AltStack::with)
}

/// What came of giving a thread a stack, and the memory if it was not needed.
type Given = (Result<AltStack, StackError>, Option<SignalStack>);

fn given(put: fn(SignalStack) -> Given) -> Option<AltStack> {
    let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let memory = match spare {
        Some(memory) => memory,
        None => SignalStack::new().ok()?,
    };
    let (stack, left) = put(memory);
    if let Some(memory) = left {
        keep(memory);
    }
    stack.ok()
}

/// Takes `stack` off the calling thread and keeps its memory for another one.
pub(super) fn free(stack: AltStack) {
    if let Some(memory) = stack.take_off() {
        keep(memory);
    }
}

fn keep(memory: SignalStack) {
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    if spare.len() < MOST {
        spare.push(memory);
        return;
    }
    drop(spare);
    drop(memory);
}
