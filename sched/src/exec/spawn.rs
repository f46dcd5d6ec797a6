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
use g0_stack::{Cache, Stack, StackError};

use super::enter::enter_in_place;
use super::exit::{exit, unobserved};
use super::g0::on_g0;
use super::inside::{Caller, Inside};
use super::measure;
use super::obey::obey;
use super::post_switch::resumed;
use super::settle::{settle, weigh_main};
use super::uncaught::is_counted;
use super::wake::wake_from;
use crate::objects::g::{BENEATH, G, Run, scheduler_of, status};
use crate::objects::inside::Within;
use crate::objects::join_word::{DETACHED, DONE};
use crate::objects::m::M;
use crate::objects::scope_state::ScopeState;
use crate::objects::shared::Core;
use crate::objects::shared::stack_classes::{AnyDepot, most_packet};
use crate::parts::error::Error;
use crate::parts::exiting::Exiting;
use crate::parts::locks::Locks;
use crate::parts::phase;
use crate::platform::fatal::fatal;
use crate::platform::{Outcome, Platform};
use crate::policy::lockedm::wire;

#[repr(C)]
union Packet<F, R> {
    f: ManuallyDrop<F>,
    result: ManuallyDrop<R>,
}

/// Returns whether there is room for closure and result on stacks where a packet may have `most` bytes
/// ([`most_packet`]): together they take no more, and neither does their packet with what is left free to align it.
///
/// So the packet lies well above the bottom: the starter writes it, from another stack, and no guard page would
/// keep it from what lies beneath. The rest is for frames, which in builds that copy what they move hold the
/// closure once and the result twice.
#[inline(always)]
pub(crate) fn fits<F, R>(most: usize) -> bool {
    let (size, align) = (mem::size_of::<Packet<F, R>>(), mem::align_of::<Packet<F, R>>());
    // A G begins a cache line, as the payload of a stack.
    let aligned = size.saturating_add(align.saturating_sub(mem::align_of::<G>()));
    let both = mem::size_of::<F>().saturating_add(mem::size_of::<R>());
    aligned.max(both) <= most
}

/// Returns where the packet of these types lies: beneath the G.
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
/// The goroutine must end before anything that `F` and `T` borrow; `scope` must be null or live as
/// long.
#[inline]
pub(crate) unsafe fn start<P: Platform, F, T>(
    f: F,
    name: &'static str,
    site: &'static Location<'static>,
    scope: *const ScopeState,
    insists: bool,
) -> Result<(NonNull<G>, *mut Outcome<T, P>), Error>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let Caller::Goroutine(inside) = enter_in_place::<P>() else { return Err(Error::NoRuntime) };
    let core = inside.core();
    if core.phase() != phase::OPEN {
        // SAFETY: as the caller ensures.
        return unsafe {
            end_unstarted::<P, F, T>(inside, f, name, site, scope, insists, &core.depot)
        };
    }
    let stack = if !fits::<F, Outcome<T, P>>(core.classes.most_packet) {
        Err(Error::ClosureTooLarge)
    } else {
        // SAFETY: the P's own cache, inside.
        match inside.p().free.with_mut(|free| unsafe { (*free).get() }) {
            Some(stack) => Ok(stack),
            None => fetch(&inside),
        }
    };
    // SAFETY: as the caller ensures; the packet fits.
    unsafe { place::<P, F, T>(inside, stack, f, name, site, scope) }
}

/// As [`start`], on a stack of at least `bytes`.
///
/// # Errors
///
/// As [`start`]; [`Error::StackSize`] if the scheduler has no such stacks.
///
/// # Panics
///
/// On the system stack.
///
/// # Safety
///
/// As [`start`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn start_sized<P: Platform, F, T>(
    f: F,
    name: &'static str,
    site: &'static Location<'static>,
    scope: *const ScopeState,
    insists: bool,
    bytes: usize,
) -> Result<(NonNull<G>, *mut Outcome<T, P>), Error>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let Caller::Goroutine(inside) = enter_in_place::<P>() else { return Err(Error::NoRuntime) };
    let core = inside.core();
    let depot = match core.depot_for(bytes) {
        Ok(depot) => depot,
        Err(error) => {
            // Before `f`, which is the user's, is dropped.
            inside.leave();
            return Err(Error::StackSize(error));
        }
    };
    if core.phase() != phase::OPEN {
        // SAFETY: as the caller ensures.
        return unsafe { end_unstarted::<P, F, T>(inside, f, name, site, scope, insists, depot) };
    }
    if ptr::eq(depot, &core.depot) {
        inside.leave();
        // SAFETY: as the caller ensures.
        return unsafe { start::<P, F, T>(f, name, site, scope, insists) };
    }
    let stack = if !fits::<F, Outcome<T, P>>(most_packet(depot.class())) {
        Err(Error::ClosureTooLarge)
    } else {
        fetch_from(&inside, depot)
    };
    // SAFETY: as the caller ensures; the packet fits.
    unsafe { place::<P, F, T>(inside, stack, f, name, site, scope) }
}

/// Puts the goroutine onto its stack and into a queue, and leaves; the end of [`start`].
///
/// # Safety
///
/// As [`start`]; the stack must have come from the scheduler, and the packet must fit there.
#[inline(always)]
unsafe fn place<P: Platform, F, T>(
    inside: Inside,
    stack: Result<Stack, Error>,
    f: F,
    name: &'static str,
    site: &'static Location<'static>,
    scope: *const ScopeState,
) -> Result<(NonNull<G>, *mut Outcome<T, P>), Error>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let core = inside.core();
    let stack = match stack {
        Ok(stack) => stack,
        Err(error) => {
            // Before `f`, which is the user's, is dropped.
            inside.leave();
            return Err(error);
        }
    };
    // SAFETY: the stack has just come from the cache or a depot, and the packet fits, as the caller ensures.
    let (g, result) = unsafe {
        let g = init_g::<P>(core, stack);
        g.as_ref().scope.set(scope);
        (g, prepare::<P, F, T>(g, f, next_id(&inside), name, site))
    };
    let counts = &inside.p().counts;
    counts.started.store(counts.started.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    // SAFETY: `g` is runnable, has never run, and is in no queue.
    if unsafe { core.place_started(inside.p(), g) } {
        wake_from::<P>(inside.m());
    }
    inside.leave();
    Ok((g, result))
}

/// As [`start`], while the run ends: the goroutine ends before it starts, as others that have not started do. Its
/// closure is dropped as by an unwinding.
///
/// # Errors
///
/// As [`start`]; [`Error::ShutDown`] if the caller is unwound itself, and does not insist.
///
/// # Safety
///
/// As [`start`].
#[cold]
#[inline(never)]
unsafe fn end_unstarted<P: Platform, F, T>(
    inside: Inside,
    f: F,
    name: &'static str,
    site: &'static Location<'static>,
    scope: *const ScopeState,
    insists: bool,
    depot: &'static AnyDepot,
) -> Result<(NonNull<G>, *mut Outcome<T, P>), Error>
where
    F: FnOnce() -> T,
{
    let core = inside.core();
    // SAFETY: the running goroutine's own field, and its own stack.
    let (before, has_room) = unsafe {
        let g = inside.g();
        (g.exiting.get(), !core.is_cramped(NonNull::from(g)))
    };
    // What has no room for an unwinder has none for this one either.
    let stack = if !P::UNWINDS || !has_room || before != Exiting::No && !insists {
        Err(Error::ShutDown)
    } else if !fits::<F, Outcome<T, P>>(most_packet(depot.class())) {
        Err(Error::ClosureTooLarge)
    } else {
        fetch_from(&inside, depot)
    };
    let (_, caller) = inside.leave();
    let stack = stack?;
    // SAFETY: the running goroutine's own field, as it is for a goroutine whose end this is. Its operations do not
    // look there while the thread panics.
    let ended = unsafe {
        caller.as_ref().exiting.set(Exiting::Ended);
        let ended = P::Unwind::catch(move || {
            let _dropped = f;
            P::throw_goexit();
        });
        caller.as_ref().exiting.set(before);
        ended
    };
    let Err(payload) = ended else { unreachable!("g0: `throw_goexit` has returned") };
    // SAFETY: the stack has just come from the depot, and the packet fits. The scope waits for the goroutine.
    unsafe {
        let g = init_g::<P>(core, stack);
        let result = (&raw mut (*packet_of::<F, Outcome<T, P>>(g)).result).cast::<Outcome<T, P>>();
        announce(g);
        result.write(Err(payload));
        let this = g.as_ref();
        reset(this);
        this.scope.set(ptr::null());
        let id = core.gs.next_id.fetch_add(1, Ordering::Relaxed);
        this.ident.start(id, name, site, &this.status);
        this.status.set(status::DEAD);
        // Release: the handle may go to another thread.
        this.join.store(DONE, Ordering::Release);
        if let Caller::Goroutine(inside) = enter_in_place::<P>() {
            if let Some(scope) = scope.as_ref() {
                scope.done::<P>(&inside);
            }
            inside.leave();
        }
        Ok((g, result))
    }
}

/// Returns a stack from the depot or the source: system calls, so on g0.
#[cold]
#[inline(never)]
fn fetch(within: &Within) -> Result<Stack, Error> {
    let (core, p) = (within.core(), within.p());
    // SAFETY: inside, on the goroutine's stack; the P's own cache.
    unsafe {
        let alloc = || p.free.with_mut(|free| core.depot.alloc(&mut *free));
        let alloc = || {
            alloc().or_else(|_| {
                core.reclaim_stacks();
                alloc()
            })
        };
        on_g0(within.m(), alloc).map_err(Error::Stack)
    }
}

/// As [`fetch`], of a class that no P keeps.
#[cold]
#[inline(never)]
fn fetch_from(within: &Within, depot: &AnyDepot) -> Result<Stack, Error> {
    let mut cache = Cache::new(depot.class());
    // SAFETY: inside, on the goroutine's stack; what the cache has is from the depot.
    unsafe {
        on_g0(within.m(), || {
            let stack = depot.alloc(&mut cache);
            depot.drain(&mut cache);
            stack
        })
        .map_err(Error::Stack)
    }
}

/// Returns the G of `stack`, made if the stack has never had one.
///
/// # Safety
///
/// The stack must be the caller's and free.
#[inline(always)]
pub(crate) unsafe fn init_g<P: Platform>(core: &'static Core, mut stack: Stack) -> NonNull<G> {
    let fresh = stack.first_use();
    let g = stack.payload::<G>();
    let _ = stack.into_raw();
    // SAFETY: the payload lies beneath the header, inside the stack.
    let g = unsafe { NonNull::new_unchecked(g) };
    if fresh {
        // SAFETY: there is room for a G, and nothing is there yet.
        unsafe { make::<P>(core, g) };
    }
    g
}

/// # Safety
///
/// As [`init_g`]; nothing may have been written at `g` yet.
#[cold]
unsafe fn make<P: Platform>(core: &'static Core, g: NonNull<G>) {
    // SAFETY: the stack is the caller's, and there is room for a G beneath its header.
    unsafe {
        g.write(G::new());
        g.as_ref().core.set(core);
        g.as_ref().present.set(G::header(g).as_ptr());
        G::header(g).as_ref().set_tag(&BENEATH);
        if core.is_cramped(g) {
            // For good: the end of the run leaves what parks there, or lets it run.
            g.as_ref().bar();
        }
        if core.measures {
            g.as_ref().stacks.set_measured();
            measure::begin::<P>(g);
        }
    }
    core.register(g);
}

/// Tells memory checkers that a goroutine begins on `g`'s stack, until it is freed.
///
/// # Safety
///
/// `g` must be the caller's, and its stack unused.
#[inline(always)]
pub(crate) unsafe fn announce(g: NonNull<G>) {
    if tools::ON {
        // SAFETY: the stack is the caller's; it reaches from its bottom to its G.
        unsafe {
            let bottom = G::header(g).as_ref().bottom();
            g.as_ref().fiber.begin(bottom, g.as_ptr().addr() - bottom.addr());
        }
    }
}

/// Returns an id for a new goroutine, out of the P's own; a P fetches [`IDS`] at a time.
#[inline(always)]
fn next_id(within: &Within) -> u64 {
    let ids = &within.p().ids;
    // SAFETY: the P's own word, inside.
    let (mut id, mut end) = unsafe { ids.get() };
    if id == end {
        id = within.core().gs.next_id.fetch_add(IDS, Ordering::Relaxed);
        end = id + IDS;
    }
    // SAFETY: the P's own word, inside.
    unsafe { ids.set((id + 1, end)) };
    id
}

/// How many ids a P fetches at a time.
const IDS: u64 = 64;

/// Puts `f` on `g`'s stack, ready to run, and returns where the result will lie.
///
/// # Safety
///
/// `g` must be free and the caller's; the packet must fit.
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
    // SAFETY: the packet lies in the stack, beneath the G, and the G is the caller's.
    unsafe {
        announce(g);
        (&raw mut (*packet).f).cast::<F>().write(f);
        let this = g.as_ref();
        this.run.set(Some(run::<P, F, T>));
        this.join.store(0, Ordering::Relaxed);
        reset(this);
        this.ident.start(id, name, site, &this.status);
        this.context.set(Native::init(packet.cast(), entry::<P>, g.as_ptr().cast()));
        (&raw mut (*packet).result).cast()
    }
}

/// Makes `this` as good as new, but for what each start writes.
///
/// # Safety
///
/// It must be free and the caller's.
#[inline(always)]
unsafe fn reset(this: &G) {
    // SAFETY: the caller's.
    unsafe {
        this.bound.set(ptr::null());
        this.exiting.set(Exiting::No);
        this.holding.set(0);
        this.locks.set(Locks::NONE);
    }
    this.token.reset();
    this.wakes.reset();
}

unsafe extern "C" fn entry<P: Platform>(value: usize, g: *mut u8) -> ! {
    // SAFETY: `prepare` gave the G and set `run`; the first switch to this goroutine comes here, inside.
    unsafe {
        let g = NonNull::new_unchecked(g.cast::<G>());
        let mut inside = Inside::assume(resumed::<P>(value), g);
        if inside.load.is_full() {
            inside = settle::<P>(inside);
        }
        inside.load.begin();
        inside.leave();
        if let Some(run) = g.as_ref().run.get() {
            run(g);
        }
        loop {
            exit::<P>(g);
            drop_unobserved(g);
        }
    }
}

/// Runs the closure, and leaves its result in its place.
///
/// # Safety
///
/// Must be called by the goroutine `g` itself, as the first thing it does.
unsafe fn run<P: Platform, F: FnOnce() -> T, T>(g: NonNull<G>) {
    // SAFETY: `prepare` has put the closure there; the result replaces it.
    unsafe {
        let packet = packet_of::<F, Outcome<T, P>>(g);
        let result = (&raw mut (*packet).result).cast::<Outcome<T, P>>();
        // Closure and result pass through the catch by their address: frame by frame they would not be a
        // quarter of the stack but several, in builds that copy what they move.
        let caught = P::Unwind::catch(move || {
            let f = (&raw const (*packet).f).cast::<F>().read();
            if scheduler_of(g).phase() != phase::OPEN {
                obey::<P>(g);
            }
            result.write(Ok(f()));
        });
        let left = mem::needs_drop::<Outcome<T, P>>() || caught.is_err();
        if let Err(payload) = caught {
            thrown::<P, F, T>(g, payload);
        }
        let drops: Option<Run> = if left { Some(drop_result::<P, F, T>) } else { None };
        g.as_ref().run.set(drops);
        if left {
            drop_unobserved(g);
        }
    }
}

/// Leaves the payload of `g`, which was unwound, in the place of its result. Out of line: [`run`]'s frame, beneath
/// which the closure runs, has no room for a result, and no register for where it lies.
///
/// # Safety
///
/// Must be called by the goroutine `g` itself, after its closure has gone.
#[cold]
#[inline(never)]
unsafe fn thrown<P: Platform, F, T>(g: NonNull<G>, payload: <P::Unwind as Unwind>::Payload) {
    let packet = packet_of::<F, Outcome<T, P>>(g);
    // SAFETY: the goroutine's own packet.
    unsafe { (&raw mut (*packet).result).cast::<Outcome<T, P>>().write(Err(payload)) };
}

/// Drops the result if no handle is left to take it.
///
/// # Safety
///
/// Must be called by the goroutine `g` itself, after its closure has returned.
unsafe fn drop_unobserved(g: NonNull<G>) {
    // SAFETY: the running goroutine's own fields.
    unsafe {
        if let Some(drop_result) = g.as_ref().run.get()
            && g.as_ref().join.load(Ordering::Acquire) == DETACHED
        {
            g.as_ref().run.set(None);
            drop_result(g);
        }
    }
}

/// Drops the result of `g` where it lies.
///
/// # Safety
///
/// Must be called by the goroutine `g` itself, once, after `run` has written the result.
unsafe fn drop_result<P: Platform, F, T>(g: NonNull<G>) {
    // SAFETY: `run` has written the result, and `drop_unobserved` calls once.
    unsafe {
        let packet = packet_of::<F, Outcome<T, P>>(g);
        let result = (&raw mut (*packet).result).cast::<Outcome<T, P>>();
        unobserved::<P, T>(g, &*result);
        if P::Unwind::catch(|| result.drop_in_place()).is_err() && !is_counted(g) {
            fatal::<P>(Some(g), "a panic while the result of a detached goroutine was dropped");
        }
    }
}

/// Starts the first goroutine of a scheduler, from a thread that is no M of it.
///
/// # Safety
///
/// What `f` borrows must outlive the goroutine; the scheduler must be open and have no main goroutine yet,
/// and `wired` must not have begun.
pub(crate) unsafe fn spawn_main<P: Platform, F: FnOnce()>(
    core: &'static Core,
    f: F,
    site: &'static Location<'static>,
    wired: Option<&'static M>,
) -> Result<(), Error> {
    let Some(depot) = core.main_depot() else {
        let (asked, largest) = (core.classes.main.size(), core.config.stack.size());
        return Err(Error::StackSize(StackError::TooLarge { asked, largest }));
    };
    let mut cache = Cache::new(depot.class());
    let stack = depot.alloc(&mut cache).map_err(Error::Stack)?;
    // SAFETY: the stack and those in the cache are fresh from the depot; what `f` borrows outlives it, as the
    // caller ensures.
    unsafe {
        depot.drain(&mut cache);
        let g = init_g::<P>(core, stack);
        let id = core.gs.next_id.fetch_add(1, Ordering::Relaxed);
        g.as_ref().scope.set(ptr::null());
        let main = || {
            weigh_main::<P>();
            f();
        };
        prepare::<P, _, ()>(g, main, id, "main", site);
        g.as_ref().join.store(DETACHED, Ordering::Relaxed);
        core.end.main_g.store(g.as_ptr(), Ordering::Relaxed);
        core.config.procs[0].counts.started.fetch_add(1, Ordering::Relaxed);
        if let Some(m) = wired {
            wire(m, g);
        }
        if core.ready::<P>(None, g) {
            core.wake::<P>();
        }
    }
    Ok(())
}
