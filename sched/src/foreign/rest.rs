//! A thread in foreign code looks into the scheduler, and foreign code notices nothing of it.

use crate::objects::inside::Stay;
use crate::objects::m::M;
use crate::platform::Platform;

/// The thread of `m` rests after a callback, and an M waits for a P, or has done so lately. On g0, or on a foreign
/// thread's own stack.
#[cold]
#[inline(never)]
pub(super) fn give_p_up<P: Platform>(m: &'static M) {
    let errno = Errno::of::<P>();
    // SAFETY: this thread's M, in the foreign state: nothing else stands for the stay.
    let mut stay = unsafe { step_in(m) };
    m.core().rest_without_its_p::<P>(&mut stay);
    stay.leave();
    errno.put_back();
}

/// Marks `m` inside, with a P or without.
///
/// # Safety
///
/// `m` must be this thread's and outside.
pub(super) unsafe fn step_in(m: &'static M) -> Stay {
    // SAFETY: `symmetric` is written before the M starts. The mark has been set, and nothing else stands for
    // it.
    unsafe {
        m.claim.enter(m.symmetric.get());
        Stay::assume(m)
    }
}

/// The calling thread's `errno`, which C finds as it was, whatever the system has been asked for.
pub(super) struct Errno(*mut i32, i32);

impl Errno {
    pub(super) fn of<P: Platform>() -> Self {
        let at = P::errno();
        // SAFETY: this thread's, or null.
        Self(at, unsafe { at.as_ref() }.map_or(0, |errno| *errno))
    }

    pub(super) fn put_back(self) {
        if !self.0.is_null() {
            // SAFETY: this thread's.
            unsafe { self.0.write(self.1) };
        }
    }
}
