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
use super::machine::fatal;
use super::park::wake_from;
use super::switch::{core_of, proc_of, resumed};
use crate::core::{Core, phase};
use crate::error::Error;
use crate::g::{G, Locks, status};
use crate::join::{DETACHED, JoinHandle, Outcome};
use crate::m::M;
use crate::platform::Platform;
use crate::scope::ScopeState;

/// How a goroutine is to be started.
#[derive(Debug, Clone, Copy)]
#[must_use = "nothing is started before `spawn`"]
pub struct Go {
    name: &'static str,
}

impl Go {
    /// Without a name.
    pub const fn new() -> Self {
        Self { name: "" }
    }

    /// Names the goroutine in messages.
    pub const fn name(self, name: &'static str) -> Self {
        Self { name }
    }

    /// Starts `f` as a goroutine of the running one's scheduler.
    ///
    /// # Errors
    ///
    /// See [`Error`]; `f` is dropped.
    ///
    /// # Panics
    ///
    /// On the system stack.
    #[track_caller]
    #[inline]
    pub fn spawn<P: Platform, F, T>(&self, f: F) -> Result<JoinHandle<T, P>, Error>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: nothing is borrowed.
        unsafe { spawn_raw(self, f, ptr::null()) }
    }
}

/// What `go` does in place of returning an error: while the runtime is shut down the goroutine ends
/// by Goexit, as at any other operation; else it panics.
#[cold]
#[inline(never)]
#[track_caller]
pub fn refuse<P: Platform>(error: Error) -> ! {
    if error == Error::ShutDown
        && let Some((m, g)) = super::enter::caller::<P>()
    {
        crate::shutdown::obey::<P>(m, g);
    }
    panic!("g0: no goroutine started: {error}")
}

impl Default for Go {
    fn default() -> Self {
        Self::new()
    }
}

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

/// As [`Go::spawn`].
///
/// # Safety
///
/// The goroutine ends before anything that `F` and `T` borrow; `scope` is null or lives as long.
#[track_caller]
#[inline]
pub(crate) unsafe fn spawn_raw<P: Platform, F, T>(
    go: &Go,
    f: F,
    scope: *const ScopeState,
) -> Result<JoinHandle<T, P>, Error>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let site = Location::caller();
    let Caller::Goroutine(m, _) = enter::<P>() else { return Err(Error::NoRuntime) };
    let core = core_of(m);
    // SAFETY: inside, with a P, on a goroutine's stack.
    let spawned = unsafe {
        if core.phase() != phase::OPEN {
            Err(Error::ShutDown)
        } else if mem::size_of::<Packet<F, Outcome<T, P>>>() > core.config.stack.size() / 4 {
            Err(Error::Closure)
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
        let g = dress(core, stack);
        g.as_ref().scope.set(scope);
        let result = place::<P, F, T>(g, f, next_id(m), go.name, site);
        p.started.store(p.started.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        // An idle P can steal it from the ring at once; else it runs next, and what was to run
        // next goes behind the others.
        let wake = if core.idle_ps.load(Ordering::Relaxed) != 0 {
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
        Ok(JoinHandle::new(g, result))
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
pub(crate) unsafe fn dress(core: &'static Core, mut stack: Stack) -> NonNull<G> {
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
    // SAFETY: the promise of `dress`.
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
            id = core_of(m).next_id.fetch_add(BATCH, Ordering::Relaxed);
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
pub(crate) unsafe fn place<P: Platform, F, T>(
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
        this.label.set(id, name, site);
        this.context.set(Native::init(packet.cast(), entry::<P>, g.as_ptr().cast()));
        (&raw mut (*packet).result).cast()
    }
}

unsafe extern "C" fn entry<P: Platform>(value: usize, g: *mut u8) -> ! {
    // SAFETY: the first switch to this goroutine, inside.
    leave(unsafe { resumed::<P>(value) });
    // SAFETY: `place` gave the G and set `run`.
    unsafe {
        let g = NonNull::new_unchecked(g.cast::<G>());
        if let Some(run) = g.as_ref().run.get() {
            run(g);
        }
        loop {
            crate::join::exit::<P>(g);
            settle(g);
        }
    }
}

/// Runs the closure, and leaves its result in its place.
unsafe fn run<P: Platform, F: FnOnce() -> T, T>(g: NonNull<G>) {
    // SAFETY: `place` has put the closure there; the result replaces it.
    unsafe {
        let packet = packet_of::<F, Outcome<T, P>>(g);
        let f = ManuallyDrop::into_inner((&raw const (*packet).f).read());
        let result = P::Unwind::catch(move || {
            if crate::shutdown::home(g).phase() != phase::OPEN {
                crate::shutdown::obey::<P>(super::switch::this_m::<P>(), g);
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
        crate::join::untaken::<P, T>(g, &*result);
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
        let g = dress(core, stack);
        let id = core.next_id.fetch_add(1, Ordering::Relaxed);
        g.as_ref().scope.set(ptr::null());
        place::<P, F, ()>(g, f, id, "main", site);
        g.as_ref().join.store(DETACHED, Ordering::Relaxed);
        core.main_g.store(g.as_ptr(), Ordering::Relaxed);
        core.config.procs[0].started.fetch_add(1, Ordering::Relaxed);
        if let Some(m) = wired {
            crate::lockedm::wire(m, g);
        }
        if core.ready::<P>(None, g) {
            core.wake::<P>();
        }
    }
    Ok(())
}
