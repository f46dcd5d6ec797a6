//! An M's life: started, scheduling, ended.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;
use g0_arch::{Arch, Context, Native, call_here, stack_pointer, tools};

use super::enter::wait_on_g0;
use super::switch::{assign, core_of, proc_of, this_m};
use crate::objects::g::G;
use crate::objects::m::M;
use crate::platform::Platform;
use crate::platform::fatal::fatal;
use crate::policy::find_runnable::Next;

/// Runs `m` on the calling thread or core until the scheduler halts, or until a goroutine ends
/// that had locked the thread. For platforms: the last thing a started thread does.
///
/// # Safety
///
/// `m` came from [`Platform::start`] and is started once; the thread is no M yet, and has stack
/// enough for the scheduler and for all foreign code.
pub unsafe fn start_m<P: Platform>(m: &'static M) {
    P::set_current(m);
    // Relaxed: read by whoever has seen this M end, by the count of those alive.
    core_of(m).ms.has_started.store(true, Ordering::Relaxed);
    // SAFETY: on the thread's own stack.
    unsafe { m.fiber.adopt() };
    // SAFETY: `base` is this thread's; `run` leaves by `escape` through it.
    unsafe { call_here(run::<P>, core::ptr::from_ref(m).cast_mut().cast(), m.base.as_ptr()) };
    P::set_current(core::ptr::null());
    let core = core_of(m);
    // SAFETY: this thread is no M any more.
    unsafe { core.forward::<P>(m) };
    // The run may end with this M, and all of it be freed: not before we have left. Relaxed: who sees
    // the M retired sees this.
    core.end.external_refs.fetch_add(1, Ordering::Relaxed);
    core.retire_m(m);
    core.check_for_deadlock::<P>();
    P::unpark(&core.end.done);
    // Release: whoever frees comes after our last access.
    core.end.external_refs.fetch_sub(1, Ordering::Release);
}

unsafe extern "C" fn run<P: Platform>(m: *mut u8) -> usize {
    // SAFETY: `start_m` passes its M.
    let m: &'static M = unsafe { &*m.cast::<M>() };
    // SAFETY: this thread's; g0 begins below `start_m`'s frame.
    unsafe {
        m.g0_sp.set(m.base.get());
        m.errno.set(P::errno());
    }
    m.claim.enter(true);
    if !m.nextp.load(Ordering::Relaxed).is_null() {
        core_of(m).woken::<P>(m);
    }
    schedule::<P>()
}

/// Runs goroutines, for ever. On g0, inside.
#[cfg_attr(g0_tsan, inline(never))]
pub(crate) fn schedule<P: Platform>() -> ! {
    let m = this_m::<P>();
    let core = core_of(m);
    if m.in_foreign_code() {
        fatal::<P>(m.curg(), "schedule: in foreign code (L6)");
    }
    loop {
        // SAFETY: our M, on g0, inside.
        match unsafe { core.next::<P>(m) } {
            // SAFETY: the core says so.
            Next::Run(g) => unsafe { execute(m, g) },
            Next::Wait => wait_on_g0::<P>(m, None),
            Next::WaitUntil(deadline) => wait_on_g0::<P>(m, Some(deadline)),
            Next::Stop => end::<P>(m),
        }
    }
}

/// Frames that are on g0 when it is left for a goroutine: [`schedule`], and what has called it. Told
/// to the thread sanitizer alone, for which they are just that.
const FRAMES: usize = 2;

/// Runs `g`; this frame of g0 is never seen again.
///
/// # Safety
///
/// As [`assign`].
#[cfg_attr(g0_tsan, inline(always))]
unsafe fn execute(m: &'static M, g: NonNull<G>) -> ! {
    // SAFETY: the caller's promise; a saved context is valid until it is switched to.
    unsafe {
        assign(m, g);
        proc_of(m).count();
        let mut abandoned = Context::EMPTY;
        let (from, to) = (&raw mut abandoned, g.as_ref().take_context());
        m.fiber.abandon(FRAMES, stack_pointer(), m.g0_sp.get());
        m.fiber.before_switch(&g.as_ref().fiber);
        Native::switch(from, to, 0);
    }
    unreachable!("an abandoned frame of g0 was resumed")
}

/// Ends this M's thread: back into `start_m`.
fn end<P: Platform>(m: &'static M) -> ! {
    if m.claim.holds() {
        // Somebody who computed beyond the end may still want it.
        let wake = core_of(m).give_p(&mut core_of(m).sched.lock(), m);
        match wake {
            Some(wake) => P::unpark(&wake.parker),
            None => core_of(m).wake_sysmon::<P>(),
        }
    }
    m.claim.exit();
    if m.is_extra() {
        stay::<P>(m);
    }
    // SAFETY: `base` is the frame of `start_m`'s call, at the bottom of this g0; what lies above
    // it is the scheduler's own and has nothing to drop.
    unsafe {
        tools::drop_frames(stack_pointer(), m.base.get());
        Native::escape(m.base.as_ptr(), 0)
    }
}

/// What a goroutine that comes to the scheduler on `m` finds when that has halted: nobody resumes it, and
/// C's frames lie above on this stack, so the thread stays here.
fn stay<P: Platform>(m: &'static M) -> ! {
    loop {
        P::park(&m.parker, None);
    }
}
