//! A stack to handle signals on.

use core::marker::PhantomData;
use core::{mem, ptr};

use super::fault::frame_size;
use crate::StackError;
use crate::slab::{errno, page_size};

/// Room for a handler beyond what the kernel itself writes: this crate's, a reporter that formats, and a
/// predecessor.
const ROOM: usize = 64 << 10;

/// Memory for an alternate signal stack, with a guard page, in no thread's use.
#[derive(Debug)]
pub struct SignalStack {
    /// Lowest byte of the mapping, which is as long as all are.
    mapping: *mut libc::c_void,
}

// SAFETY: a mapping is tied to no thread, and this is its only name.
unsafe impl Send for SignalStack {}

impl SignalStack {
    /// Maps it.
    ///
    /// # Errors
    /// [`StackError::OutOfMemory`] or [`StackError::TooManyMappings`] if the kernel refuses.
    pub fn new() -> Result<SignalStack, StackError> {
        let (page, bytes) = (page_size(), length());
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping where the kernel likes.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), bytes, prot, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return Err(StackError::OutOfMemory);
        }
        // From here on an error unmaps.
        let this = SignalStack { mapping };
        // SAFETY: the mapping's own page, the lowest: the guard.
        if unsafe { libc::mprotect(mapping, page, libc::PROT_NONE) } != 0 {
            return Err(StackError::TooManyMappings);
        }
        Ok(this)
    }

    /// As the kernel wants it.
    fn told(&self) -> libc::stack_t {
        let page = page_size();
        let ss_sp = self.mapping.cast::<u8>().wrapping_add(page).cast();
        libc::stack_t { ss_sp, ss_flags: 0, ss_size: length() - page }
    }

    fn contains(&self, stack: &libc::stack_t) -> bool {
        let ours = self.mapping.addr()..self.mapping.addr() + length();
        ours.contains(&stack.ss_sp.addr())
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and no thread's signal stack.
        unsafe { libc::munmap(self.mapping, length()) };
    }
}

/// Returns the bytes of every one, its guard page included.
fn length() -> usize {
    let page = page_size();
    (frame_size() + ROOM).next_multiple_of(page) + page
}

/// The thread's alternate signal stack, if it had to be given one.
///
/// Threads of Rust's std have one already if Rust's `main` started the program, and [`ensure`](AltStack::ensure)
/// leaves it as it is; threads that C made have none, nor have std's where `main` is C's. The thread must keep the
/// value as long as it runs goroutines: dropping it takes the stack away. It is tied to its thread.
#[derive(Debug)]
pub struct AltStack {
    /// None if the thread had a stack.
    memory: Option<SignalStack>,
    /// What the thread had before, and has again when the stack is taken off.
    before: Option<libc::stack_t>,
    _thread: PhantomData<*mut ()>,
}

impl AltStack {
    /// Sees to it that the calling thread has an alternate signal stack, and returns what it was given
    /// for that.
    ///
    /// # Errors
    /// [`StackError::OutOfMemory`] or [`StackError::Signal`] if the kernel refuses.
    pub fn ensure() -> Result<AltStack, StackError> {
        if has_one(&current()?) {
            return Ok(AltStack::none());
        }
        AltStack::with(SignalStack::new()?).0
    }

    /// Does the same with `memory` that is there already: one system call, for a thread that has no
    /// stack of its own. Returns the memory as well if it was not needed.
    ///
    /// # Errors
    /// [`StackError::Signal`] if the kernel refuses, which it does on an alternate stack.
    pub fn with(memory: SignalStack) -> (Result<AltStack, StackError>, Option<SignalStack>) {
        let before = match change(&memory.told()) {
            Ok(before) => before,
            Err(error) => return (Err(error), Some(memory)),
        };
        if !has_one(&before) {
            return (Ok(AltStack { memory: Some(memory), ..AltStack::none() }), None);
        }
        // It had one: that again.
        match change(&before) {
            Ok(_) => (Ok(AltStack::none()), Some(memory)),
            Err(error) => {
                // A handler runs on it, this very one: it stays the thread's.
                mem::forget(memory);
                (Err(error), None)
            }
        }
    }

    /// Gives the calling thread `memory` in place of the stack that it has, which is its own again when this is
    /// taken off: for a thread that the caller has made, and that only its runs. std's have 8 KiB, enough for std's
    /// own handler but not for one that formats a backtrace. Returns the memory as well if it was refused.
    ///
    /// # Errors
    /// [`StackError::Signal`] if the kernel refuses, which it does on an alternate stack.
    pub fn in_place(memory: SignalStack) -> (Result<AltStack, StackError>, Option<SignalStack>) {
        match change(&memory.told()) {
            Ok(before) => {
                let before = has_one(&before).then_some(before);
                (Ok(AltStack { memory: Some(memory), before, _thread: PhantomData }), None)
            }
            Err(error) => (Err(error), Some(memory)),
        }
    }

    /// Of a thread that has its own.
    const fn none() -> AltStack {
        AltStack { memory: None, before: None, _thread: PhantomData }
    }

    /// Returns whether this crate has given it to the thread.
    pub fn is_ours(&self) -> bool {
        self.memory.is_some()
    }

    /// Returns the same as a word, for a thread-specific value of C's: null if the thread had its own. What the
    /// thread had [before](AltStack::in_place) is forgotten by it.
    pub fn into_raw(mut self) -> *mut libc::c_void {
        self.memory.take().map_or(ptr::null_mut(), |memory| mem::ManuallyDrop::new(memory).mapping)
    }

    /// Undoes [`into_raw`](AltStack::into_raw).
    ///
    /// # Safety
    ///
    /// `raw` must be its result, on this thread, and must not be used again.
    pub unsafe fn from_raw(raw: *mut libc::c_void) -> AltStack {
        let memory = (!raw.is_null()).then_some(SignalStack { mapping: raw });
        AltStack { memory, ..AltStack::none() }
    }

    /// Takes it off the thread; returns its memory, for another one, or none if the thread had its own.
    pub fn take_off(mut self) -> Option<SignalStack> {
        self.take()
    }

    fn take(&mut self) -> Option<SignalStack> {
        let memory = self.memory.take()?;
        let ss_sp = ptr::null_mut();
        let off = libc::stack_t { ss_sp, ss_flags: libc::SS_DISABLE, ss_size: 0 };
        match change(&self.before.take().unwrap_or(off)) {
            Ok(before) => {
                if has_one(&before) && !memory.contains(&before) {
                    // The thread has got itself another meanwhile. Refused only on that very one, where
                    // the first change would have been refused.
                    let _ = change(&before);
                }
                Some(memory)
            }
            Err(_) => {
                // A handler runs on it: the memory stays.
                mem::forget(memory);
                None
            }
        }
    }
}

impl Drop for AltStack {
    fn drop(&mut self) {
        drop(self.take());
    }
}

fn has_one(stack: &libc::stack_t) -> bool {
    stack.ss_flags & libc::SS_DISABLE == 0
}

/// Gives the calling thread `stack`, which must stay as long as it has that; returns what it had before.
fn change(stack: &libc::stack_t) -> Result<libc::stack_t, StackError> {
    // SAFETY: zeros are a valid `stack_t`, which the call fills in; the memory is the caller's to give,
    // or was the thread's before.
    unsafe {
        let mut before: libc::stack_t = mem::zeroed();
        match libc::sigaltstack(stack, &raw mut before) {
            0 => Ok(before),
            _ => Err(StackError::Signal(errno())),
        }
    }
}

/// Returns what the thread has now.
fn current() -> Result<libc::stack_t, StackError> {
    // SAFETY: zeros are a valid `stack_t`, and the call only fills it.
    unsafe {
        let mut stack: libc::stack_t = mem::zeroed();
        match libc::sigaltstack(ptr::null(), &raw mut stack) {
            0 => Ok(stack),
            _ => Err(StackError::Signal(errno())),
        }
    }
}
