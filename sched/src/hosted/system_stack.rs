//! Where a thread's own stack ends: the system stack (g0) of its M.

use core::cell::Cell;
use core::mem::MaybeUninit;

use g0_stack::overflow::{Fault, Origin};

/// A stack of a thread's, and what must not be touched beneath.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemStack {
    low: usize,
    high: usize,
    guard: usize,
}

/// What lies beneath the stack of a process's first thread, where no guard page is: it grows down to its limit.
const FIRST: usize = 64 << 10;

std::thread_local! {
    /// Without a destructor: a signal handler looks at it, on threads that have noted it.
    static NOTED: Cell<Option<SystemStack>> = const { Cell::new(None) };
}

/// Finds out the calling thread's, once: about a microsecond, on the first thread a hundred.
pub(super) fn note() {
    if NOTED.get().is_none() {
        NOTED.set(SystemStack::find());
    }
}

/// Returns that of the calling thread, which must be an M, for only such threads have noted it. In a signal handler.
pub(super) fn noted() -> Option<SystemStack> {
    NOTED.get()
}

impl SystemStack {
    fn find() -> Option<SystemStack> {
        let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
        let (mut low, mut size, mut guard) = (core::ptr::null_mut(), 0, 0);
        // SAFETY: the attributes are made by the first call, and no more used after the last.
        let found = unsafe {
            if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
                return None;
            }
            let attributes = attributes.as_mut_ptr();
            let found = libc::pthread_attr_getstack(attributes, &raw mut low, &raw mut size) == 0
                && libc::pthread_attr_getguardsize(attributes, &raw mut guard) == 0;
            libc::pthread_attr_destroy(attributes);
            found
        };
        // SAFETY: only asks.
        let is_first = unsafe { libc::gettid() == libc::getpid() };
        let guard = if is_first { guard.max(FIRST) } else { guard };
        let (low, high) = (low.addr(), low.addr().saturating_add(size));
        found.then_some(SystemStack { low, high, guard })
    }

    /// Returns its bytes.
    pub(super) fn size(&self) -> usize {
        self.high - self.low
    }

    /// Returns whether the code that runs on it has filled it, or a signal that came has.
    pub(super) fn is_full(&self, fault: &Fault) -> bool {
        let beneath = self.low.saturating_sub(self.guard);
        let runs_on = fault.sp().is_some_and(|sp| (beneath..self.high).contains(&sp));
        runs_on
            && match fault.origin() {
                Origin::Access => (beneath..self.low).contains(&fault.address()),
                Origin::SignalFrame => fault.frame_exceeds(self.low),
                _ => false,
            }
    }
}
