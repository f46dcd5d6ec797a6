//! Starting a goroutine.
//!
//! ```text
//!   high  ┌──────────────────────┐
//!         │ stack::Header        │
//!         ├──────────────────────┤
//!         │ G                    │
//!         ├──────────────────────┤
//!         │ packet: the closure, │  later the result
//!         ├──────────────────────┤
//!         │ first frames         │  entry, run, the closure
//!         ▼                      ▼
//! ```
//!
//! With a stack in the P's cache nothing is allocated and no lock taken.

use core::mem::{self, ManuallyDrop};
use core::panic::Location;
use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;
use g0_arch::{Arch, Native, tools};
use g0_defer::Unwind;
use g0_stack::Stack;

use super::enter::{Caller, enter, leave};
use super::g0::on_g0;
use super::switch::{core_of, proc_of, resumed};
use super::wake::wake_from;
use crate::objects::g::{G, status};
use crate::objects::join_word::DETACHED;
use crate::objects::m::M;
use crate::objects::scope_state::ScopeState;
use crate::objects::shared::Core;
use crate::parts::error::Error;
use crate::parts::locks::Locks;
use crate::parts::phase;
use crate::platform::fatal::fatal;
use crate::platform::{Outcome, Platform};

#[repr(C)]
union Packet<F, R> {
    f: ManuallyDrop<F>,
    result: ManuallyDrop<R>,
}

/// Where the packet of these types lies: beneath the G.
#[inline(always)]
fn packet_of<F, R>(g: NonNull<G>) -> *mut Packet<F, R> {
    let align = mem::align_of::<Packet<F, R>>().max(16);
    g.as_ptr()
        .cast::<u8>()
        .wrapping_sub(mem::size_of::<Packet<F, R>>())
        .map_addr(|addr| addr & !(align - 1))
        .cast()
}

/// Starts `f` as a goroutine of the running one's scheduler. Returns its G and where its result will lie.
///
/// # Errors
///
/// See [`Error`]; `f` is dropped.
///
/// # Panics
///
/// On the system stack.
///
/// # Safety
///
/// The goroutine ends before anything that `F` and `T` borrow; `scope` is null or lives as long.
#[inline]
pub(crate) unsafe fn start<P: Platform, F, T>(
    f: F,
    name: &'static str,
    site: &'static Location<'static>,
    scope: *const ScopeState,
) -> Result<(NonNull<G>, *mut Outcome<T, P>), Error>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let Caller::Goroutine(m, _) = enter::<P>() else { return Err(Error::NoRuntime) };
    let core = core_of(m);
    // SAFETY: inside, with a P, on a goroutine's stack.
    let spawned = unsafe {
        if core.phase() != phase::OPEN {
            Err(Error::ShutDown)
        } else if mem::size_of::<Packet<F, Outcome<T, P>>>() > core.config.stack.size() / 4 {
            Err(Error::ClosureTooLarge)
        } else {
            match proc_of(m).free.with_mut(|free| (*free).get()) {
                Some(stack) => Ok(stack),
                None => fetch(m),
            }
        }
    };
    let stack = match spawned {
        Ok(stack) => stack,
        Err(error) => {
            leave(m);
            return Err(error);
        }
    };
    // SAFETY: as above; the stack is ours.
    unsafe {
        let p = proc_of(m);
        let g = init_g(core, stack);
        g.as_ref().scope.set(scope);
        let result = prepare::<P, F, T>(g, f, next_id(m), name, site);
        p.counts.started.store(p.counts.started.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        // An idle P can steal it from the ring at once; else it runs next, and what was to run
        // next goes behind the others.
        let wake = if core.ps.idle.load(Ordering::Relaxed) != 0 {
            core.append(p, g)
        } else {
            match p.runq.replace_next(Some(g)) {
                None => core.wants_wake(),
                Some(old) => core.append(p, old),
            }
        };
        if wake {
            wake_from::<P>(m);
        }
        leave(m);
        Ok((g, result))
    }
}

/// A stack from the depot or the source: system calls, so on g0.
#[cold]
#[inline(never)]
unsafe fn fetch(m: &'static M) -> Result<Stack, Error> {
    let core = core_of(m);
    // SAFETY: inside, with a P, on a goroutine's stack.
    unsafe {
        on_g0(m, || proc_of(m).free.with_mut(|free| core.depot.alloc(&mut *free)))
            .map_err(Error::Stack)
    }
}

/// The G of `stack`, made if the stack has never had one.
///
/// # Safety
///
/// The stack is the caller's and free.
#[inline(always)]
pub(crate) unsafe fn init_g(core: &'static Core, mut stack: Stack) -> NonNull<G> {
    let fresh = stack.first_use();
    let g = stack.payload::<G>();
    let _ = stack.into_raw();
    // SAFETY: the payload lies beneath the header, inside the stack.
    let g = unsafe { NonNull::new_unchecked(g) };
    if fresh {
        // SAFETY: as above; nothing is there yet.
        unsafe { make(core, g) };
    }
    g
}

#[cold]
unsafe fn make(core: &'static Core, g: NonNull<G>) {
    // SAFETY: the promise of `init_g`.
    unsafe {
        g.write(G::new());
        g.as_ref().core.set(core);
    }
    core.register(g);
}

/// Tells memory checkers that a goroutine begins on `g`'s stack, until it is freed.
///
/// # Safety
///
/// `g` is the caller's, and its stack is unused.
#[inline(always)]
pub(crate) unsafe fn announce(g: NonNull<G>) {
    if tools::ON {
        // SAFETY: the caller's promise; the stack goes from its bottom to its G.
        unsafe {
            let bottom = G::header(g).as_ref().bottom();
            g.as_ref().fiber.begin(bottom, g.as_ptr().addr() - bottom.addr());
        }
    }
}

#[inline(always)]
unsafe fn next_id(m: &'static M) -> u64 {
    // SAFETY: inside, with a P.
    unsafe {
        let (mut id, mut end) = proc_of(m).ids.get();
        if id == end {
            const BATCH: u64 = 64;
            id = core_of(m).gs.next_id.fetch_add(BATCH, Ordering::Relaxed);
            end = id + BATCH;
        }
        proc_of(m).ids.set((id + 1, end));
        id
    }
}

/// Puts `f` on `g`'s stack, ready to run, and returns where the result will lie.
///
/// # Safety
///
/// `g` is free and the caller's; the packet fits.
#[inline(always)]
pub(crate) unsafe fn prepare<P: Platform, F, T>(
    g: NonNull<G>,
    f: F,
    id: u64,
    name: &'static str,
    site: &'static Location<'static>,
) -> *mut Outcome<T, P>
where
    F: FnOnce() -> T,
{
    let packet = packet_of::<F, Outcome<T, P>>(g);
    // SAFETY: the packet lies in the stack, beneath the G, and the G is ours.
    unsafe {
        announce(g);
        (&raw mut (*packet).f).write(ManuallyDrop::new(f));
        let this = g.as_ref();
        this.run.set(Some(run::<P, F, T>));
        this.join.store(0, Ordering::Relaxed);
        this.status.store(status::RUNNABLE, Ordering::Relaxed);
        this.bound.set(ptr::null());
        this.exiting.set(false);
        this.holding.set(0);
        this.has_result.set(false);
        this.locks.set(Locks::NONE);
        this.token.reset();
        this.wakes.reset();
        this.ident.set(id, name, site);
        this.context.set(Native::init(packet.cast(), entry::<P>, g.as_ptr().cast()));
        (&raw mut (*packet).result).cast()
    }
}

unsafe extern "C" fn entry<P: Platform>(value: usize, g: *mut u8) -> ! {
    // SAFETY: the first switch to this goroutine, inside.
    leave(unsafe { resumed::<P>(value) });
    // SAFETY: `prepare` gave the G and set `run`.
    unsafe {
        let g = NonNull::new_unchecked(g.cast::<G>());
        if let Some(run) = g.as_ref().run.get() {
            run(g);
        }
        loop {
            super::exit::exit::<P>(g);
            settle(g);
        }
    }
}

/// Runs the closure, and leaves its result in its place.
unsafe fn run<P: Platform, F: FnOnce() -> T, T>(g: NonNull<G>) {
    // SAFETY: `prepare` has put the closure there; the result replaces it.
    unsafe {
        let packet = packet_of::<F, Outcome<T, P>>(g);
        let f = ManuallyDrop::into_inner((&raw const (*packet).f).read());
        let result = P::Unwind::catch(move || {
            if crate::objects::g::scheduler_of(g).phase() != phase::OPEN {
                super::cancel::obey::<P>(super::switch::this_m::<P>(), g);
            }
            f()
        });
        let left = mem::needs_drop::<Outcome<T, P>>() || result.is_err();
        (&raw mut (*packet).result).write(ManuallyDrop::new(result));
        if left {
            g.as_ref().has_result.set(true);
            g.as_ref().run.set(Some(drop_result::<P, F, T>));
            settle(g);
        }
    }
}

/// Drops the result if nobody is left to take it.
unsafe fn settle(g: NonNull<G>) {
    // SAFETY: the running goroutine's own fields.
    unsafe {
        if g.as_ref().has_result.get()
            && g.as_ref().join.load(Ordering::Acquire) == DETACHED
            && let Some(drop_result) = g.as_ref().run.get()
        {
            g.as_ref().has_result.set(false);
            drop_result(g);
        }
    }
}

unsafe fn drop_result<P: Platform, F, T>(g: NonNull<G>) {
    // SAFETY: `run` has written the result, and `settle` calls once.
    unsafe {
        let packet = packet_of::<F, Outcome<T, P>>(g);
        let result = (&raw mut (*packet).result).cast::<Outcome<T, P>>();
        super::exit::unobserved::<P, T>(g, &*result);
        if P::Unwind::catch(|| result.drop_in_place()).is_err() {
            fatal::<P>(Some(g), "a panic while the result of a detached goroutine was dropped");
        }
    }
}

/// Starts the first goroutine of a scheduler, from a thread that is no M of it.
///
/// # Safety
///
/// As [`spawn_raw`]; the scheduler is open and has no main goroutine yet; `wired` has not begun.
pub(crate) unsafe fn spawn_main<P: Platform, F: FnOnce()>(
    core: &'static Core,
    f: F,
    site: &'static Location<'static>,
    wired: Option<&'static M>,
) -> Result<(), Error> {
    let mut cache = g0_stack::Cache::new(core.config.stack);
    let stack = core.depot.alloc(&mut cache).map_err(Error::Stack)?;
    core.depot.drain(&mut cache);
    // SAFETY: the stack is ours; the caller's promises.
    unsafe {
        let g = init_g(core, stack);
        let id = core.gs.next_id.fetch_add(1, Ordering::Relaxed);
        g.as_ref().scope.set(ptr::null());
        prepare::<P, F, ()>(g, f, id, "main", site);
        g.as_ref().join.store(DETACHED, Ordering::Relaxed);
        core.end.main_g.store(g.as_ptr(), Ordering::Relaxed);
        core.config.procs[0].counts.started.fetch_add(1, Ordering::Relaxed);
        if let Some(m) = wired {
            crate::policy::lockedm::wire(m, g);
        }
        if core.ready::<P>(None, g) {
            core.wake::<P>();
        }
    }
    Ok(())
}
