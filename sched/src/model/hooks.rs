//! What models may touch and users may not. Under `cfg(loom)` only.
//!
//! A model's thread stands for an M: it calls the core as the executor does. The hooks are the
//! calls and fields that the executor uses and that the crate keeps to itself; nothing is decided
//! here.

use core::ptr::NonNull;
use std::string::String;
use std::vec::Vec;

use g0_arch::Context;
use g0_arch::sync::atomic::Ordering;

use crate::exec::acquire::acquire;
use crate::exec::current::this_m;
use crate::objects::g::G;
use crate::objects::inside::{OwnedP, Stay, Within};
use crate::objects::m::M;
use crate::objects::p::Proc;
use crate::objects::shared::Core;
use crate::objects::timers::Timers;
use crate::parts::parker::Parker;
use crate::platform::Platform;
use crate::policy::hand::Got;

pub use super::label::Labelled;
pub use super::parked::Parked;
pub use crate::parts::claim::Claim;
pub use crate::parts::detour::Detour;
pub use crate::parts::list::Fifo;
pub use crate::parts::runq::{RING, RunQueue};
pub use crate::policy::next::Next;

/// The spare extra Ms.
pub type Extras = crate::objects::extras::Extras<M>;
/// A deadline of a goroutine.
pub type Timer = crate::objects::wheel::Timer<G>;

/// Returns a stay: a model's thread stands for the M that it names, and that is inside where a hook needs it.
fn stay(m: &'static M) -> Stay {
    // SAFETY: the model's promise: it is the M of the calling thread, inside, and this is used at once.
    unsafe { Stay::assume(m) }
}

/// As [`Core::next`].
pub fn next<P: Platform>(core: &'static Core, m: &'static M) -> Next {
    core.next::<P>(&mut stay(m))
}

/// As [`Core::spurious_wakeup`].
pub fn spurious_wakeup<P: Platform>(core: &'static Core, m: &'static M) -> Option<Next> {
    core.spurious_wakeup::<P>(&mut stay(m))
}

/// As [`Core::leave_to_another`], by `m`, which must be inside and own a P.
pub fn leave_to_another<P: Platform>(core: &'static Core, m: &'static M) -> Option<Next> {
    core.leave_to_another::<P>(&mut stay(m))
}

/// So many goroutines begin on `m`, and none of them ends.
pub fn begin_goroutines(m: &M, n: usize) {
    (0..n).for_each(|_| m.load.begin());
}

/// As [`Core::ready`].
///
/// # Safety
///
/// `m` must be the caller's, inside, with a P; and as [`Core::ready`].
#[must_use = "when true, an M must be woken"]
pub unsafe fn ready<P: Platform>(
    core: &'static Core,
    m: Option<&'static M>,
    g: NonNull<G>,
) -> bool {
    // SAFETY: as the caller says.
    unsafe { core.ready::<P>(m.map(|m| Within::assume(m)), g) }
}

/// As [`Core::append`].
///
/// # Safety
///
/// The caller must own `p` and be inside; and as [`Core::append`].
#[must_use = "when true, an M must be woken"]
pub unsafe fn append(core: &'static Core, p: &'static Proc, g: NonNull<G>) -> bool {
    // SAFETY: as the caller says.
    unsafe { core.append(OwnedP::assume(p), g) }
}

/// Yields on `m` to the next G of its queues, if there is one: takes that out, saves the context of `g`, and publishes
/// that.
///
/// # Safety
///
/// `m` must be the caller's, inside, with a P; `g` must run there.
pub unsafe fn yields(core: &'static Core, m: &'static M, g: NonNull<G>) -> Option<NonNull<G>> {
    // SAFETY: as the caller says.
    unsafe {
        let within = Within::assume(m);
        within.p().count();
        let next = crate::policy::queue_order::pick(within)?;
        save(g);
        core.requeue(within, g);
        Some(next)
    }
}

/// Returns the claim words of `m`.
pub fn claim(m: &M) -> &Claim {
    &m.claim
}

/// Returns where `m` waits.
pub fn parker(m: &M) -> &Parker {
    &m.parker
}

/// Threads that are no Ms and still at work in the scheduler.
pub fn external_refs(core: &Core) -> usize {
    core.end.external_refs.load(Ordering::Acquire)
}

/// Returns where sysmon waits, and the thread that has started the scheduler.
pub fn other_parkers(core: &Core) -> [&Parker; 2] {
    [&core.sysmon.parker, &core.end.done]
}

/// Gives the free stacks of all Ps back to the depot.
///
/// # Safety
///
/// The scheduler's threads must have ended.
pub unsafe fn drain_stacks(core: &Core) {
    for p in core.config.procs {
        // SAFETY: no thread uses the Ps any more.
        unsafe { p.free.with_mut(|free| core.depot.drain(&mut *free)) };
    }
}

/// Returns whether `m` has been given a P that it has not noticed yet; what the executor waits for.
pub fn has_nextp(m: &M) -> bool {
    !m.nextp.load(Ordering::Relaxed).is_null()
}

/// Sets which G `m` runs, or is in a foreign call of; null in the scheduler. For sysmon.
pub fn set_running(m: &M, g: *mut G) {
    m.g.store(g, Ordering::Relaxed);
}

/// Returns whether `m` is in foreign code, as the bridge says it to sysmon.
pub fn set_foreign(m: &M, foreign: bool) {
    let word =
        if foreign { core::ptr::from_ref(m).cast_mut().cast() } else { core::ptr::null_mut() };
    m.call.store(word, Ordering::Relaxed);
}

/// Begins as every operation of a goroutine on `m` does: inside, and with a P, if it has to wait for one.
pub fn reenter<P: Platform>(m: &'static M) {
    // SAFETY: `symmetric` is written before the M starts.
    if !m.claim.enter(unsafe { m.symmetric.get() }) {
        // These worlds have no stacks but the threads' own.
        acquire::<P>(&mut stay(m), true);
    }
}

/// `m`, inside, hands its P on, as one does whose foreign call will last.
pub fn hand_off<P: Platform>(core: &'static Core, m: &'static M) {
    core.hand_off::<P>(stay(m).disown());
}

/// Returns the P that `m` owns.
///
/// # Safety
///
/// `m` must be the caller's, inside, with a P.
pub unsafe fn proc_of(m: &M) -> &'static Proc {
    // SAFETY: as the caller ensures.
    unsafe { &*m.p.load(Ordering::Relaxed) }
}

/// Uses a plain field of `p`, as every operation on it does.
///
/// # Safety
///
/// The caller must own the P and be inside.
pub unsafe fn touch(p: &Proc) {
    // SAFETY: as the caller ensures.
    unsafe { p.random.set(p.random.get()) };
}

/// Returns the timers of `p`.
pub fn timers(p: &Proc) -> &Timers<G> {
    &p.timers
}

/// `m` looks into its inbox, in which there is nothing: it counts as awake from then on.
pub fn look_into_inbox(m: &M) {
    // SAFETY: `m` is the caller's.
    let found = m.local.with_mut(|local| unsafe { (*local).pop(&m.inbox, false) });
    assert!(found.is_none(), "a goroutine that the model has not put there");
}

/// Gives the other queues and the timers their turn on `p`, as sysmon asks for it.
pub fn request_fair_turn(p: &Proc) {
    p.request_fair_turn();
}

/// As [`Core::serve_timers`], on a thread that is no M.
pub fn serve_timers<P: Platform>(core: &'static Core, of: &Proc) -> bool {
    core.serve_timers::<P>(None, of)
}

/// Returns the queue of `p`.
pub fn runq(p: &Proc) -> &RunQueue<G> {
    &p.runq
}

/// Writes `g`'s context, as a switch away from it does.
///
/// # Safety
///
/// `g` must be the caller's: it runs, and has not been published.
pub unsafe fn save(g: NonNull<G>) {
    // SAFETY: as the caller ensures.
    unsafe { g.as_ref().context.set(Context::EMPTY) };
}

/// Reads `g`'s context, as the switch to it does.
///
/// # Safety
///
/// The caller must have taken `g` out of a queue.
pub unsafe fn resume(g: NonNull<G>) {
    // SAFETY: as the caller ensures.
    unsafe { g.as_ref().context.get() };
}

/// Binds `g` to `m` (L1), and with `reserve` `m` to `g` (L2), as `lock_os_thread` does.
///
/// # Safety
///
/// `g` must be the caller's; so must `m`, or it must not have been started.
pub unsafe fn bind(m: &'static M, g: NonNull<G>, reserve: bool) {
    // SAFETY: as the caller ensures.
    unsafe {
        g.as_ref().bound.set(m);
        if reserve {
            m.lock.reserved.set(g.as_ptr());
        }
    }
}

/// Begins a callback in `g`, on `m`, as the bridge does; what [`end_callback`] needs.
///
/// # Safety
///
/// `g` must be in a foreign call on the caller's `m`, or be a model's that says so.
pub unsafe fn begin_callback(m: &'static M, g: NonNull<G>) -> usize {
    // SAFETY: as the caller ensures.
    unsafe { crate::policy::lockedm::lock_callback(m, g) }
}

/// Ends it.
///
/// # Safety
///
/// As [`begin_callback`], whose result is `covered`.
pub unsafe fn end_callback<P: Platform>(m: &'static M, g: NonNull<G>, covered: usize) {
    // SAFETY: as the caller ensures.
    unsafe { crate::policy::lockedm::unlock_callback::<P>(m, g, covered) };
}

/// Ends `g`, as the post-switch step does with one that may be locked.
///
/// # Safety
///
/// `g` must run on `m`, which must be the caller's.
pub unsafe fn end_locked(m: &'static M, g: NonNull<G>) {
    use crate::parts::locks::Locks;
    // SAFETY: as the caller ensures.
    unsafe {
        if g.as_ref().locks.get() != Locks::NONE {
            crate::policy::lockedm::leave_lockers(m, g);
        }
        // As a start does.
        g.as_ref().locks.set(Locks::NONE);
    }
}

/// Returns the M that `g` is bound to, and the G that `m` is reserved for.
///
/// # Safety
///
/// Both must be the caller's.
pub unsafe fn ties(m: &M, g: NonNull<G>) -> (*const M, *mut G) {
    // SAFETY: as the caller ensures.
    unsafe { (g.as_ref().bound.get(), m.lock.reserved.get()) }
}

/// Returns the scheduler of the calling goroutine.
pub fn this_core<P: Platform>() -> &'static Core {
    this_m::<P>().core()
}

/// Does `f` inside, as the calling goroutine: under what keeps its M's P from a retaker, as a lock of the scheduler
/// does.
///
/// # Panics
///
/// On a thread that runs no goroutine.
pub fn inside<P: Platform, R>(f: impl FnOnce() -> R) -> R {
    let m = this_m::<P>();
    let g = m.running().expect("a goroutine, on its own stack");
    let inside = crate::exec::acquire::step_in::<P>(m, g);
    let result = f();
    inside.leave();
    result
}

/// Returns whether the calling goroutine's M has a P, and the P knows it.
pub fn holds_p<P: Platform>() -> bool {
    let m = this_m::<P>();
    // SAFETY: Ps live as long as the scheduler.
    let p = unsafe { m.p.load(Ordering::Relaxed).as_ref() };
    m.claim.has() && p.is_some_and(|p| core::ptr::eq(p.m.load(Ordering::Relaxed), m))
}

/// Returns the list of spare extra Ms, empty.
pub fn extras() -> Extras {
    Extras::new()
}

/// Uses a plain field of `m`, as its thread does.
///
/// # Safety
///
/// `m` must be the caller's.
pub unsafe fn use_extra(m: &M) {
    // SAFETY: as the caller ensures.
    unsafe { m.extra.kept.set(!m.extra.kept.get()) };
}

/// As [`Core::woken`].
pub fn woken<P: Platform>(core: &Core, m: &'static M) {
    core.woken::<P>(&mut stay(m));
}

/// As [`Core::want_p`]: returns true when `m` has got one at once.
pub fn want_p<P: Platform>(core: &'static Core, m: &'static M) -> bool {
    matches!(core.want_p::<P>(&mut stay(m)), Got::Proc(_))
}

/// As [`Core::open`].
///
/// # Safety
///
/// As there.
pub unsafe fn open(core: &'static Core) -> bool {
    // SAFETY: as the caller ensures.
    unsafe { core.open() }
}

/// As [`Core::retake`].
pub fn retake<P: Platform>(core: &'static Core) -> bool {
    core.retake::<P>()
}

/// As [`Core::wake`].
pub fn wake<P: Platform>(core: &'static Core) {
    core.wake::<P>();
}

/// As [`Core::halt`].
pub fn halt<P: Platform>(core: &Core) {
    core.halt::<P>();
}

/// Returns whether the scheduler has halted, as an M that waits asks.
pub fn halted(core: &Core) -> bool {
    core.end.phase.load(Ordering::Acquire) == crate::parts::phase::HALTED
}

/// As [`Core::first_m`].
pub fn first_m(core: &'static Core) -> Option<&'static M> {
    core.first_m()
}

/// The scheduler has started the thread of `m`, and may end it.
pub fn has_own_thread(core: &Core, m: &'static M) {
    let _sched = core.sched.lock();
    // SAFETY: under the lock.
    unsafe { m.links.has_own_thread.set(true) };
}

/// As [`Core::dismiss_one`].
pub fn dismiss_one<P: Platform>(core: &Core, keep: usize) -> bool {
    core.dismiss_one::<P>(keep)
}

/// As [`Core::m_has_ended`].
pub fn m_has_ended<P: Platform>(core: &'static Core, m: &'static M) {
    core.m_has_ended::<P>(m);
}

/// Passes the heavy fence, as a retaker does.
pub fn heavy_fence<P: Platform>(symmetric: bool) {
    crate::platform::fences::heavy_fence::<P>(symmetric);
}

/// Goroutines that have been started and not ended.
pub fn goroutines(core: &Core) -> u64 {
    core.goroutines()
}

/// Returns how many Ps are idle.
pub fn idle_ps(core: &Core) -> usize {
    core.work.hunger.look().idle_ps()
}

/// Returns how many Ps are not retired.
pub fn live_ps(core: &Core) -> usize {
    core.ps.live.load(Ordering::Relaxed)
}

/// As [`Core::set_procs`].
pub fn set_procs<P: Platform>(core: &'static Core, procs: usize) {
    core.set_procs::<P>(procs).expect("a number of Ps that there are");
}

/// Returns how many Gs the global queue holds, as it is read without the lock, and as it is.
pub fn queued(core: &Core) -> [usize; 2] {
    let held = core.sched.lock().global.len();
    [core.work.queued.load(Ordering::Relaxed), held]
}

/// Returns how many Ms count as searching.
pub fn spinning(core: &Core) -> usize {
    core.work.hunger.look().searching()
}

/// Undoes the reservation of [`bind`], as `unlock_os_thread` does.
///
/// # Safety
///
/// `m` must be the caller's.
pub unsafe fn unreserve(m: &M) {
    // SAFETY: as the caller ensures.
    unsafe { m.lock.reserved.set(core::ptr::null_mut()) };
}

/// Returns a core that has not started, with a say about deadlocks. An idle M has rested for long enough at once.
pub fn with_deadlock(config: crate::Config, deadlock: crate::Deadlock) -> Core {
    let mut core = Core::new(config);
    core.deadlock.mode = deadlock;
    core.ms.keep_alive = 0;
    core
}

/// Returns whether the last M to rest, or sysmon, would report a deadlock now (L12).
pub fn is_deadlocked<P: Platform>(core: &'static Core) -> bool {
    core.look_for_deadlock::<P>() == crate::policy::deadlock::Look::Dead
}

/// Makes `g` one of the scheduler's goroutines, runnable: those that the look for a deadlock sees.
///
/// # Safety
///
/// `g` must be of no scheduler, and the caller's alone.
pub unsafe fn register(core: &Core, g: NonNull<G>) {
    // SAFETY: as the caller ensures.
    unsafe { g.as_ref() }.status.set(crate::objects::g::status::RUNNABLE);
    core.register(g);
}

/// Marks `g` as parked, as the post-switch step does.
///
/// # Safety
///
/// `g` must be the caller's, and live.
pub unsafe fn parked(g: NonNull<G>) {
    // SAFETY: as the caller ensures.
    unsafe { g.as_ref() }.status.set(crate::objects::g::status::PARKED);
}

/// Marks `g` as ended.
///
/// # Safety
///
/// As [`parked`].
pub unsafe fn ended(g: NonNull<G>) {
    // SAFETY: as the caller ensures.
    unsafe { g.as_ref() }.status.set(crate::objects::g::status::DEAD);
}

/// Counts one more handle of `g`, which waits for its token.
///
/// # Safety
///
/// As [`parked`].
pub unsafe fn hold(g: NonNull<G>) {
    // SAFETY: as the caller ensures.
    unsafe { g.as_ref() }.refs.fetch_add(1, Ordering::Relaxed);
}

/// Undoes a [`hold`].
///
/// # Safety
///
/// It must be the same handle.
pub unsafe fn let_go(g: NonNull<G>) {
    // SAFETY: as the caller ensures. Release: as in the drop of a handle.
    unsafe { g.as_ref() }.refs.fetch_sub(1, Ordering::Release);
}

/// As [`Core::start_requested`], which sysmon does.
pub fn start_requested<P: Platform>(core: &'static Core) {
    core.start_requested::<P>();
}

/// As [`Core::watch_turns`], which sysmon does.
pub fn watch_turns<P: Platform>(core: &Core) {
    core.watch_turns::<P>();
}

/// Returns whether any goroutine of the program is to look up, as operations ask that take no P.
pub fn is_asked_for() -> bool {
    crate::parts::attention::is_asked_for()
}

/// `m` is in a call that is known to last, or in a callback from one.
pub fn set_lasting(m: &M) {
    m.foreign.lasting.store(core::ptr::from_ref(m).cast_mut().cast(), Ordering::Relaxed);
}

/// The callbacks of the calling thread's M come thick.
pub fn set_burst<P: Platform>() {
    this_m::<P>().foreign.burst.set();
}

/// As [`Core::seeks_p`].
pub fn seeks_p(core: &Core) -> bool {
    core.seeks_p()
}

/// Returns how many heavy fences a scheduler without symmetric ones has passed, to take Ps.
pub fn heavy_fences(core: &Core) -> u64 {
    core.stats.heavy_fences.get()
}

/// As [`Core::watch_timers`], which sysmon does.
pub fn watch_timers<P: Platform>(core: &'static Core) {
    core.watch_timers::<P>();
}

/// As [`Core::seen`], which reports go through.
pub fn seen(core: &'static Core, now: u64) -> Vec<crate::introspect::GoroutineInfo> {
    core.seen(now).map(|(_, info)| info).collect()
}

/// Returns the line about `core` that a traced scheduler prints.
pub fn traced(core: &'static Core) -> String {
    use std::string::ToString;

    crate::objects::report::Trace { core, since_start: 0 }.to_string()
}
