//! Threads that the scheduler did not start, and the Ms that they are given.
//!
//! A library of C starts threads of its own, and one of them calls back. To the scheduler that is a
//! foreign call that has always been open: the thread gets an *extra M*. Its goroutine exists
//! beforehand, with a stack on which nothing lies, as if it had just called C. From then on a callback
//! there is like any other: the goroutine is locked to the thread, has a P while the closure runs, may
//! park; C's frames lie on the thread's own stack, and that stack is this M's g0.
//!
//! ```text
//!                       adopt                    arrive, begin
//!    UNKNOWN ─────────────────────▶ BETWEEN ─────────────────────▶ IN A CALLBACK ──┐ enter
//!    no M      take an extra M      outside, its                   goroutine code  │ leave
//!       ▲                           P for the taking ◀─────────── ────▲────────────┘
//!       │     part: the thread           │            end, depart
//!       └──── ends, or has but ──────────┘
//!             borrowed the M
//! ```
//!
//! | | done by | what it costs |
//! |---|---|---|
//! | `adopt` | the thread, at its first callback | a compare-and-swap, and a P by the scheduler's lock; if no M is spare, the making of one: memory and system calls |
//! | `arrive`, `depart` | the thread, at each callback | a store, a load and a branch each |
//! | `part` | the platform, when the thread ends | a compare-and-swap; the P by the lock |
//! | the next spare M | sysmon, told by the thread that takes the last; without sysmon that thread itself | |
//!
//! Between callbacks the M owns its P as in any foreign call, and the next callback takes no lock. It keeps none
//! that is waited for: an M that finds no idle P takes this one (`policy::want_p`), and a callback that ends while
//! one is sought gives it up. After a millisecond of rest sysmon takes it in any case, if no other P is idle.
//! The goroutine counts while it runs a callback and at no other time: its status is DEAD
//! between them. So no report shows it then, and a run does not wait for it.
//!
//! # When a thread may call back
//!
//! A thread comes to the scheduler that lives at its platform's [`Registry`](crate::Registry). Before one
//! does, and from when its main goroutine has returned, a callback is [refused](Refused). Both sides agree as
//! an M and a retaker do:
//!
//! ```text
//!   thread (arrive)                  the main goroutine (shutdown::close)
//!   status := RUNNABLE               phase := CLOSING
//!   light fence                      heavy fence
//!   load phase                       count the goroutines
//! ```
//!
//! So the callback is counted, and the end waits for it as for any goroutine that runs, or it is refused. A
//! callback that waits, or comes to an operation, is unwound by the end of the run like all else, and C gets
//! what it gets when it is refused. What the end cannot unwind (a closure that takes longer than the end
//! waits, that is in C again, or that waits for a P) is left behind: it goes on if it can, and its thread
//! waits for ever if it parks. All that a thread may still use is kept: the memory of a runtime that ends
//! while a thread is bound to it is never freed, so threads that last are better bound to a runtime that
//! lasts too.
//!
//! # Rejected
//!
//! - *A goroutine for each callback*, started by the thread and joined: a park and a wake across threads
//!   for each, and C would not be on its own thread.
//! - *Giving the P back after each callback*: the scheduler's lock twice. It is what a thread that has but
//!   borrowed its M pays, and the threads between which a P is short.
//! - *Finding the M again by the thread's number*: the current-M slot is a word of the thread's own
//!   already, and the hook that runs when a thread ends says when the M must be given back.

use core::panic::Location;
use core::ptr::{self, NonNull};

use g0_arch::stack_pointer;
use g0_arch::sync::atomic::Ordering;

use super::rest::{Errno, give_p_up, step_in};
use crate::exec::spawn::{announce, init_g};
use crate::exec::{measure, segments};
use crate::objects::config::ForeignThreads;
use crate::objects::extras::Extras;
use crate::objects::g::{G, status};
use crate::objects::inside::Stay;
use crate::objects::join_word::DETACHED;
use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::parts::exiting::Exiting;
use crate::parts::light_fence::light_fence;
use crate::parts::locks::Locks;
use crate::parts::phase::{self, main_left};
use crate::platform::Platform;
use crate::platform::fatal::fatal;

/// Why a thread has not been given an M.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// No scheduler takes callbacks: none has begun, or all have ended.
    NoRuntime,
    /// No spare M, and no memory for another.
    NoMachine,
}

/// The calling thread, which is no M, becomes one: returns its M. The callback has
/// [arrived](arrive).
///
/// # Safety
///
/// The calling thread must have no M: none that it runs, and none between callbacks.
#[cold]
#[inline(never)]
pub(crate) unsafe fn adopt<P: Platform>() -> Result<&'static M, Refused> {
    let errno = Errno::of::<P>();
    // SAFETY: as the caller ensures.
    let adopted = unsafe { take_over::<P>() };
    errno.put_back();
    adopted
}

/// # Safety
///
/// As [`adopt`].
unsafe fn take_over<P: Platform>() -> Result<&'static M, Refused> {
    P::check_process();
    let home = P::registry().ok_or(Refused::NoRuntime)?;
    let core = home.visit(|core| {
        let core = core.filter(|core| core.phase() == phase::OPEN)?;
        // From now on it is not freed. An owner that awaits its Ms sees the first count first.
        core.ms.live.fetch_add(1, Ordering::SeqCst);
        core.ms.adopted.fetch_add(1, Ordering::SeqCst);
        Some(core)
    });
    let core = core.ok_or(Refused::NoRuntime)?;
    let Some(m) = take::<P>(core) else {
        depart_from::<P>(core, || ());
        return Err(Refused::NoMachine);
    };
    // SAFETY: the M is this thread's now.
    unsafe {
        m.fiber.adopt();
        m.set_errno(P::errno());
        m.g0_sp.set(stack_pointer());
        // Release: what looks at this M from outside goes on to the G.
        m.g.store(m.extra.own_g.get(), Ordering::Release);
        // Foreign from the start: only then may it own a P.
        m.set_call(m.root());
        let kept = core.foreign.mode == ForeignThreads::Bind && P::keep(m);
        m.extra.kept.set(kept);
        if !kept {
            P::lend(m);
        }
        P::set_current(m);
        if arrive(m) {
            return Ok(m);
        }
        part::<P>(m);
    }
    Err(Refused::NoRuntime)
}

/// Returns a spare M, or a new one.
fn take<P: Platform>(core: &'static Core) -> Option<&'static M> {
    let (m, last) = match core.foreign.extras.take() {
        Some((m, last)) => (m, last),
        None => (make::<P>(core)?, true),
    };
    // Of several threads that find none at the same time one asks.
    if last && !core.foreign.extras.wanted.swap(true, Ordering::AcqRel) {
        if P::WATCHED {
            core.sysmon.parker.unpark::<P>();
        } else {
            core.make_spare::<P>();
        }
    }
    Some(m)
}

/// Returns a new extra M with its goroutine. Allocates.
fn make<P: Platform>(core: &'static Core) -> Option<&'static M> {
    // A callback may go as deep as main.
    let depot = core.main_depot()?;
    let mut cache = g0_stack::Cache::new(depot.class());
    let stack = depot.alloc(&mut cache);
    // SAFETY: what it has is from the depot.
    unsafe { depot.drain(&mut cache) };
    let stack = stack.ok()?;
    let Some(m) = core.extra_m().filter(|m| Extras::can_hold(*m)) else {
        // SAFETY: it is from the depot, and has not been used.
        unsafe {
            depot.free(&mut cache, stack);
            depot.drain(&mut cache);
        }
        return None;
    };
    // SAFETY: the stack and the M are this call's alone, but for code that walks all Ms.
    unsafe {
        let g = init_g::<P>(core, stack);
        let this = g.as_ref();
        announce(g);
        this.run.set(None);
        this.scope.set(ptr::null());
        this.exiting.set(Exiting::No);
        this.holding.set(0);
        this.bars.set(0);
        this.token.reset();
        this.wakes.reset();
        // It is never joined, and it never ends.
        this.join.store(DETACHED, Ordering::Relaxed);
        this.locks.set(Locks::NONE);
        let id = core.gs.next_id.fetch_add(1, Ordering::Relaxed);
        this.ident.set(id, "foreign thread", Location::caller());
        // One lock that is never undone: no other goroutine runs here.
        crate::policy::lockedm::lock_internal(m, g);
        m.extra.own_g.set(g.as_ptr());
        m.extra.is_extra.store(true, crate::parts::stat_atomic::Ordering::Relaxed);
    }
    core.foreign.extras.register(m);
    Some(m)
}

impl Core {
    /// Makes a spare extra M if one is wanted. Called by sysmon; without it, by the thread that has
    /// taken the last.
    pub(crate) fn make_spare<P: Platform>(&'static self) {
        if self.foreign.extras.wanted.load(Ordering::Relaxed)
            && self.foreign.extras.wanted.swap(false, Ordering::AcqRel)
            && let Some(m) = make::<P>(self)
        {
            self.foreign.extras.put(m);
        }
    }

    /// Frees the goroutines of extra Ms, but for those that a handle keeps.
    ///
    /// # Safety
    ///
    /// No thread may have an extra M any more, and none may be given one later.
    #[cfg(any(feature = "std", loom))]
    pub(crate) unsafe fn free_extras(&'static self) {
        for m in self.foreign.extras.all() {
            // SAFETY: no thread has the M any more: nothing on that stack is live.
            unsafe {
                let g = NonNull::new_unchecked(m.extra.own_g.get());
                segments::end_without_p(self, g);
                crate::exec::refs::free_without_p(g);
            };
        }
    }
}

/// A callback begins on `m`, which is between callbacks. Returns false if the scheduler has ended.
///
/// # Safety
///
/// `m` must be this thread's and an extra one.
#[inline(always)]
pub(crate) unsafe fn arrive(m: &'static M) -> bool {
    // SAFETY: an extra M, this thread's; its goroutine lives as long as the scheduler.
    unsafe {
        let g = &*m.extra.own_g.get();
        // Ordered by the fence; see above.
        g.status.set(status::RUNNABLE);
        light_fence(m.symmetric.get());
        if m.core().phase() == phase::OPEN {
            return true;
        }
        g.status.set(status::DEAD);
        false
    }
}

/// The callback has returned to the thread's own code.
///
/// # Safety
///
/// As [`arrive`], which must have returned true; `m` must be between callbacks again.
#[inline(always)]
pub(crate) unsafe fn depart<P: Platform>(m: &'static M) {
    // SAFETY: an extra M, this thread's; its goroutine lives as long as the scheduler.
    unsafe {
        if (*m.extra.own_g.get()).stacks.any() != 0 {
            leave_stacks::<P>(m);
        }
        // Release: the end, which counts the callback out, sees what it did.
        (*m.extra.own_g.get()).status.set(status::DEAD);
        // Pairs with the heavy fence of `halt_after_last`: it finds this callback gone, or this thread
        // finds main gone.
        light_fence(m.symmetric.get());
        if m.core().end.main_left.load(Ordering::Relaxed) == main_left::EXITED {
            m.core().halt_after_last::<P>(None);
        }
        // And with that of an M that waits for a P, which finds this thread between callbacks; or this thread
        // finds that a P is sought.
        if m.core().seeks_p() {
            give_p_up::<P>(m);
        }
        if m.evicted.load(Ordering::Relaxed) {
            // The closure that has computed without a P is done.
            m.core().unevict(m);
        }
        if !m.extra.kept.get() {
            part::<P>(m);
        }
    }
}

/// The goroutine of `m`, whose callback is over, gives the segments that it keeps to the P; without one it keeps them.
/// If stacks are measured, the platform is told of its own.
///
/// # Safety
///
/// As [`depart`].
#[cold]
#[inline(never)]
unsafe fn leave_stacks<P: Platform>(m: &'static M) {
    let errno = Errno::of::<P>();
    // SAFETY: an extra M, this thread's, in the foreign state; nothing of its goroutine is live.
    unsafe {
        let stay = step_in(m);
        let g = NonNull::new_unchecked(m.extra.own_g.get());
        if g.as_ref().stacks.is_measured() {
            measure::ended::<P>(g, g.as_ptr().cast());
        }
        if let Some(within) = stay.within() {
            segments::end::<P>(within, g);
        }
        stay.leave();
    }
    errno.put_back();
}

/// A Goexit has come to the bottom of the goroutine of `m`, in a callback. Returns true if the end of
/// the run has thrown it, which makes the callback a refused one.
///
/// # Safety
///
/// Must be called on that goroutine.
pub(crate) unsafe fn was_ended(m: &'static M) -> bool {
    if m.core().phase() == phase::OPEN {
        return false;
    }
    // SAFETY: the running goroutine's own field. The goroutine is as good as new.
    unsafe { (*m.extra.own_g.get()).exiting.set(Exiting::No) };
    true
}

/// The calling thread gives its extra M back, between callbacks.
///
/// # Safety
///
/// `m` must be this thread's, an extra one, and between callbacks.
#[cold]
#[inline(never)]
pub(crate) unsafe fn part<P: Platform>(m: &'static M) {
    let core = m.core();
    let errno = Errno::of::<P>();
    // SAFETY: this thread's M, between callbacks: nothing else stands for the stay.
    unsafe {
        m.claim.enter(m.symmetric.get());
        let mut stay = Stay::assume(m);
        if stay.within().is_some() {
            core.leave_p::<P>(&mut stay);
        }
        stay.leave();
        m.set_call(ptr::null_mut());
        m.g.store(ptr::null_mut(), Ordering::Relaxed);
        // Locks that a callback has left are this thread's, not those of the M's next thread.
        (*m.extra.own_g.get()).locks.set(Locks::INTERNAL);
    }
    // SAFETY: it is no M any more, and runs no goroutine.
    unsafe {
        P::set_current(ptr::null());
        if !m.extra.kept.get() {
            P::take_back(m);
        }
    }
    depart_from::<P>(core, || core.foreign.extras.put(m));
    errno.put_back();
}

/// A thread has done with `core`; `last` is its last act there.
fn depart_from<P: Platform>(core: &'static Core, last: impl FnOnce()) {
    // Until the very end it is not freed; the counts of Ms order this one.
    core.end.as_guest(|| {
        last();
        // In this order: an owner that awaits the Ms of its own never takes an adopted one for one of
        // these.
        core.ms.adopted.fetch_sub(1, Ordering::AcqRel);
        core.ms.live.fetch_sub(1, Ordering::AcqRel);
        // A callback that was refused has kept another thread from ending the run.
        core.check_for_end::<P>();
        core.check_for_deadlock::<P>();
    });
}

/// The calling thread is between callbacks, with an extra M: it gives it back. Returns false on any other
/// thread.
#[cold]
pub(crate) fn part_if_between<P: Platform>() -> bool {
    // SAFETY: Ms are never freed.
    match unsafe { P::current().as_ref() } {
        Some(m) if m.is_extra() && m.is_between_callbacks() => {
            // SAFETY: this thread's.
            unsafe { part::<P>(m) };
            true
        }
        _ => false,
    }
}

/// The calling thread ends, and gives back the extra M that it was told to
/// [keep](crate::port::ForeignCode::keep). For platforms; on a thread that has none it does nothing.
///
/// # Safety
///
/// By the platform only, where it learns that the thread ends.
pub unsafe fn thread_ends<P: Platform>() {
    if part_if_between::<P>() {
        return;
    }
    // SAFETY: Ms are never freed.
    if let Some(m) = unsafe { P::current().as_ref() }
        && m.is_extra()
    {
        fatal::<P>(
            NonNull::new(m.g.load(Ordering::Relaxed)),
            "a thread ends inside a callback: return from the callback first",
        );
    }
}

const _: () = assert!(align_of::<G>() >= 16, "closures of callbacks start right beneath the G");
