//! A stack to handle signals on.

use core::marker::PhantomData;
use core::{mem, ptr};

use crate::StackError;
use crate::slab::{errno, page_size};

/// Room for a handler beyond what the kernel itself writes: ours, a reporter that formats, and a
/// predecessor.
const ROOM: usize = 64 << 10;

/// The thread's alternate signal stack, if it had to be given one.
///
/// Threads of Rust's std have one already, and [`ensure`](AltStack::ensure) leaves it as it is;
/// threads that C made have none. Keep the value as long as the thread runs goroutines: dropping
/// it takes the stack away. It is tied to its thread.
#[derive(Debug)]
pub struct AltStack {
    /// Lowest byte of the mapping and its length; null if the thread had a stack.
    mapping: *mut libc::c_void,
    bytes: usize,
    _thread: PhantomData<*mut ()>,
}

impl AltStack {
    /// Sees to it that the calling thread has an alternate signal stack.
    ///
    /// # Errors
    /// [`StackError::OutOfMemory`] or [`StackError::Signal`] if the kernel refuses.
    pub fn ensure() -> Result<AltStack, StackError> {
        if current()?.ss_flags & libc::SS_DISABLE == 0 {
            return Ok(AltStack { mapping: ptr::null_mut(), bytes: 0, _thread: PhantomData });
        }
        let page = page_size();
        // SAFETY: only asks. The frame that the kernel writes grows with the processor's registers.
        let frame = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
        let size = (frame.max(libc::MINSIGSTKSZ) + ROOM).next_multiple_of(page);
        let bytes = size + page;
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping where the kernel likes.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), bytes, prot, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return Err(StackError::OutOfMemory);
        }
        // From here on an error unmaps.
        let this = AltStack { mapping, bytes, _thread: PhantomData };
        // SAFETY: our own page, the lowest: the guard.
        if unsafe { libc::mprotect(mapping, page, libc::PROT_NONE) } != 0 {
            return Err(StackError::TooManyMappings);
        }
        let ss_sp = mapping.cast::<u8>().wrapping_add(page).cast();
        let new = libc::stack_t { ss_sp, ss_flags: 0, ss_size: size };
        // SAFETY: the memory stays until the drop, which takes it off the thread first.
        if unsafe { libc::sigaltstack(&raw const new, ptr::null_mut()) } != 0 {
            return Err(StackError::Signal(errno()));
        }
        Ok(this)
    }

    /// Whether the thread had no alternate stack, and this is it.
    pub fn is_ours(&self) -> bool {
        !self.mapping.is_null()
    }
}

impl Drop for AltStack {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let ours = self.mapping.addr()..self.mapping.addr() + self.bytes;
        if current().is_ok_and(|stack| ours.contains(&stack.ss_sp.addr())) {
            let ss_sp = ptr::null_mut();
            let off = libc::stack_t { ss_sp, ss_flags: libc::SS_DISABLE, ss_size: 0 };
            // SAFETY: takes our stack off. Refused only while a handler runs on it; then the
            // memory stays.
            if unsafe { libc::sigaltstack(&raw const off, ptr::null_mut()) } != 0 {
                return;
            }
        }
        // SAFETY: mapped by `ensure`, and no thread's signal stack any more.
        unsafe { libc::munmap(self.mapping, self.bytes) };
    }
}

/// What the thread has now.
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
