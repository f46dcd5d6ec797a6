//! A scheduler in numbers.
//!
//! Each count is written by one owner with a plain load and store, by the P's or the M's, or by a thread
//! that is slow anyway; the caller that asks sums them up. Nothing stops meanwhile, so the sums belong to
//! about the same moment.

use core::fmt;
use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use crate::exec::enter::enter_in_place;
use crate::exec::inside::Caller;
use crate::objects::g::{G, status};
use crate::objects::m::{M, MState, ms_from};
use crate::objects::segments::SegmentCounts;
use crate::objects::shared::Core;
use crate::parts::count::Count;
use crate::parts::stat_atomic;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

/// How many goroutines do what.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GoroutineStats {
    /// In a queue.
    pub runnable: usize,
    /// Of the runnable ones: bound to an M that is busy with another goroutine, or in its foreign call. They wait
    /// for that one, however many Ps are idle: on the pinned runtime behind a loop or C that blocks, on the others
    /// behind the goroutine that has locked the thread.
    pub runnable_behind_busy_m: usize,
    /// On an M, in Rust code.
    pub running: usize,
    /// In foreign calls.
    pub foreign: usize,
    /// Parked, for whatever reason.
    pub waiting: usize,
    by_reason: [usize; WaitReason::ALL.len()],
}

impl GoroutineStats {
    /// Returns how many wait for this.
    pub fn waiting_for(&self, reason: WaitReason) -> usize {
        self.by_reason[reason as usize]
    }

    /// Returns the reasons for which goroutines wait, and for how many each is.
    fn reasons(&self) -> impl Iterator<Item = (WaitReason, usize)> {
        let count = |reason| (reason, self.waiting_for(reason));
        WaitReason::ALL.into_iter().map(count).filter(|&(_, n)| n != 0)
    }

    /// All that have been started and have not ended.
    pub fn all(&self) -> usize {
        self.runnable + self.running + self.foreign + self.waiting
    }
}

/// Names the reasons for which goroutines wait, and only those.
impl fmt::Debug for GoroutineStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Reasons<'a>(&'a GoroutineStats);
        impl fmt::Debug for Reasons<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_map().entries(self.0.reasons()).finish()
            }
        }
        // A new field that is not shown does not compile.
        let Self { runnable, runnable_behind_busy_m, running, foreign, waiting, by_reason: _ } =
            self;
        f.debug_struct("GoroutineStats")
            .field("runnable", runnable)
            .field("runnable_behind_busy_m", runnable_behind_busy_m)
            .field("running", running)
            .field("foreign", foreign)
            .field("waiting", waiting)
            .field("waiting_for", &Reasons(self))
            .finish()
    }
}

/// How many Ms do what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MachineStats {
    /// They run goroutines with a P, or look for some.
    pub running: usize,
    /// At rest.
    pub idle: usize,
    /// In line for a P.
    pub waiting_for_p: usize,
    /// In foreign code.
    pub foreign: usize,
    /// They compute without a P.
    pub evicted: usize,
    /// Parked for good when the scheduler had ended, for goroutines that it has left behind.
    pub kept: usize,
    /// Of all these: locked by a goroutine.
    pub locked: usize,
}

impl MachineStats {
    /// All that have been started and have not ended.
    pub fn all(&self) -> usize {
        self.running + self.idle + self.waiting_for_p + self.foreign + self.evicted + self.kept
    }
}

/// How many Ps do what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcStats {
    /// An M has them.
    pub busy: usize,
    /// No M has them.
    pub idle: usize,
    /// Not in use: see `set_procs`.
    pub retired: usize,
}

/// How much memory the stacks take, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackStats {
    /// Of all stacks that were ever made, whole, the free ones included: what
    /// `Builder::stack_memory_limit` bounds. On the hosted platform that is address space.
    /// Segments are among them; packed stacks (`Builder::packed_stacks`) are not. 0 where the source of the stacks
    /// does not say.
    pub reserved: usize,
    /// Of these, what is in memory: touched, and not [given back](crate#memory-of-stacks). The kernel is asked, which
    /// walks its page tables: some milliseconds for a hundred thousand stacks. `None` where it does not tell.
    pub committed: Option<usize>,
    /// Of the goroutines that have started and not ended, whole: of what is reserved the rest is free.
    pub in_use: usize,
    /// How often pages of a goroutine's stack were given back while it waited.
    pub given_back: u64,
    /// How often a goroutine was woken at that moment, and waited: for about a tenth of a millisecond at most.
    pub waits: u64,
}

/// How many segments there are, by which goroutines' stacks grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentStats {
    /// Goroutines have them: they are on them, or keep them for their next call.
    pub in_use: usize,
    /// Kept by Ps and the depot, for any goroutine.
    pub free: usize,
    /// Bytes of those that goroutines have; of address space, where memory is used page by page.
    pub bytes_in_use: usize,
    /// Bytes of all.
    pub bytes: usize,
}

impl SegmentStats {
    /// All that were made and have not gone back to their source.
    pub fn all(&self) -> usize {
        self.in_use + self.free
    }
}

/// A scheduler in numbers: what is, and what has happened since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Goroutines by what they do.
    pub goroutines: GoroutineStats,
    /// Ms by what they do.
    pub machines: MachineStats,
    /// Ps by what they do.
    pub procs: ProcStats,
    /// Stacks by the memory that they take.
    pub stacks: StackStats,
    /// Segments of stacks.
    pub segments: SegmentStats,
    /// Goroutines that were started.
    pub started: u64,
    /// Times that a goroutine parked.
    pub parks: u64,
    /// Times that a P took half of another's queue.
    pub steals: u64,
    /// Times that a P was handed to another M.
    pub hand_offs: u64,
    /// Times that a P was taken from an M that was away, evictions included.
    pub retakes: u64,
    /// Times that a P was taken from an M whose goroutine computed.
    pub evictions: u64,
    /// Times that a thread made all other threads pass a barrier.
    pub heavy_fences: u64,
    /// Calls of foreign code.
    pub foreign_calls: u64,
    /// Callbacks out of foreign code that have returned.
    pub callbacks: u64,
    /// Timers that have fired.
    pub timers: u64,
    /// Goroutines whose stack is packed (`Builder::packed_stacks`), of those that have been started and have not
    /// ended.
    pub packed_stacks: usize,
}

/// Returns the running goroutine's scheduler in numbers; none on a thread that is no M. Looks at every
/// goroutine.
///
/// # Panics
///
/// On the system stack.
pub fn stats<P: Platform>() -> Option<Stats> {
    let Caller::Goroutine(inside) = enter_in_place::<P>() else { return None };
    let core = inside.core();
    let now = core.ms_and_ps();
    inside.leave();
    Some(core.stats_with(now))
}

impl Core {
    /// Returns the numbers of now, on a thread of its own.
    #[cfg(feature = "std")]
    pub(crate) fn stats(&'static self) -> Stats {
        self.stats_with(self.ms_and_ps())
    }

    /// Returns what is under the scheduler's lock. Must be called on a thread of its own, or by a goroutine,
    /// inside.
    fn ms_and_ps(&self) -> (MachineStats, ProcStats, *const M) {
        (self.machine_stats(), self.proc_stats(), self.sched.lock().all_ms)
    }

    fn stats_with(&self, now: (MachineStats, ProcStats, *const M)) -> Stats {
        let sum = |f: fn(&crate::Proc) -> u64| self.config.procs.iter().map(f).sum::<u64>();
        let (machines, procs, first) = now;
        let (mut calls, mut callbacks) = (0, 0);
        for m in ms_from(first) {
            callbacks += m.foreign.callbacks.get();
            calls += m.foreign.calls.get();
        }
        Stats {
            goroutines: self.goroutine_stats(first),
            machines,
            procs,
            stacks: self.stack_stats(),
            segments: self.segment_stats(),
            started: sum(|p| p.counts.started.load(Ordering::Relaxed)),
            parks: sum(|p| p.counts.parks.get()),
            steals: sum(|p| p.counts.steals.get()),
            hand_offs: sum(|p| p.counts.hand_offs.get()),
            retakes: self.stats.retakes.get(),
            evictions: self.stats.evictions.get(),
            heavy_fences: self.stats.heavy_fences.get(),
            foreign_calls: calls,
            callbacks,
            timers: sum(|p| p.timers.fired()),
            packed_stacks: self.packed_stacks(),
        }
    }

    /// Returns what the stacks take.
    fn stack_stats(&self) -> StackStats {
        let usage =
            self.releasing_source(0).map_or(self.config.stacks, |(source, _)| source).usage();
        let in_use = self.all_goroutines().map(|g| {
            // SAFETY: registered Gs live as long as the scheduler, and lie in their stacks.
            unsafe {
                let is_dead = g.as_ref().status.load(Ordering::Relaxed) == status::DEAD;
                if is_dead || cfg!(loom) { 0 } else { G::header(g).as_ref().class().size() }
            }
        });
        StackStats {
            reserved: usage.reserved,
            committed: usage.committed,
            in_use: in_use.sum(),
            given_back: self.shrink.stacks.get(),
            waits: self.shrink.waits.get(),
        }
    }

    /// Goes through all goroutines there ever were at a time.
    fn goroutine_stats(&self, first: *const M) -> GoroutineStats {
        let mut stats = GoroutineStats::default();
        let (mut active, mut on_ms) = (0, (0, 0));
        for g in self.all_goroutines() {
            // SAFETY: registered Gs live as long as the scheduler.
            let this = unsafe { g.as_ref() };
            match this.status.load(Ordering::Relaxed) {
                status::PARKED => {
                    stats.waiting += 1;
                    stats.by_reason[this.waiting().0 as usize] += 1;
                }
                status::RUNNABLE => {
                    active += 1;
                    stats.runnable_behind_busy_m += usize::from(is_behind_busy_m(this));
                }
                _ => {}
            }
        }
        for m in ms_from(first).filter(|m| goroutine_of(m).is_some()) {
            let foreign = !m.call.load(Ordering::Relaxed).is_null();
            if foreign { on_ms.1 += 1 } else { on_ms.0 += 1 }
        }
        stats.foreign = on_ms.1.min(active);
        stats.running = on_ms.0.min(active - stats.foreign);
        stats.runnable = active - stats.foreign - stats.running;
        stats.runnable_behind_busy_m = stats.runnable_behind_busy_m.min(stats.runnable);
        stats
    }

    /// Counts the goroutines whose stacks are packed.
    fn packed_stacks(&self) -> usize {
        if self.classes.unwinds_from == 0 {
            return 0;
        }
        let is_packed = |g: &NonNull<G>| {
            // SAFETY: registered Gs, and their stacks, live as long as the scheduler.
            unsafe {
                g.as_ref().status.load(Ordering::Relaxed) != status::DEAD && self.is_cramped(*g)
            }
        };
        self.all_goroutines().filter(is_packed).count()
    }

    /// Returns how many runnable goroutines are bound to busy Ms, among the first `most` that there are; and
    /// whether there are more.
    pub(crate) fn runnable_behind_busy_ms(&self, most: usize) -> (usize, bool) {
        let mut all = self.all_goroutines();
        let behind = |g: &NonNull<G>| {
            // SAFETY: registered Gs live as long as the scheduler.
            let this = unsafe { g.as_ref() };
            this.status.load(Ordering::Relaxed) == status::RUNNABLE && is_behind_busy_m(this)
        };
        let n = all.by_ref().take(most).filter(behind).count();
        (n, all.next().is_some())
    }

    /// Counts what each M does.
    pub(crate) fn machine_stats(&self) -> MachineStats {
        let mut stats = MachineStats::default();
        let sched = self.sched.lock();
        for m in ms_from(sched.all_ms) {
            // SAFETY: under the lock.
            let state = unsafe { m.links.state.get() };
            let spare = m.is_extra() && m.g.load(Ordering::Relaxed).is_null();
            if spare && state != MState::Kept {
                continue;
            }
            let count = match state {
                MState::Free => continue,
                MState::Idle | MState::AwaitsOwnG | MState::Dismissed => &mut stats.idle,
                MState::WaitsForP => &mut stats.waiting_for_p,
                MState::Kept => &mut stats.kept,
                MState::Busy if m.evicted.load(Ordering::Relaxed) => &mut stats.evicted,
                MState::Busy if !m.call.load(Ordering::Relaxed).is_null() => &mut stats.foreign,
                MState::Busy => &mut stats.running,
            };
            *count += 1;
            stats.locked += usize::from(!m.lock.reserved.look().is_null());
        }
        stats
    }

    /// Counts what each P does.
    pub(crate) fn proc_stats(&self) -> ProcStats {
        let _sched = self.sched.lock();
        let live = self.ps.live.load(Ordering::Relaxed);
        let idle = self.work.hunger.look().idle_ps();
        ProcStats { busy: live.saturating_sub(idle), idle, retired: self.config.procs.len() - live }
    }
}

impl Core {
    /// Counts segments.
    fn segment_stats(&self) -> SegmentStats {
        let sum = |f: fn(&SegmentCounts) -> &Count| {
            self.config.procs.iter().map(|p| f(&p.segments.counts).get()).fold(0, u64::wrapping_add)
        };
        // What was given back first: a segment that is taken meanwhile counts as in use.
        let (given, given_bytes) = (sum(|c| &c.given), sum(|c| &c.given_bytes));
        let in_use = sum(|c| &c.taken).wrapping_sub(given) as usize;
        let bytes_in_use = sum(|c| &c.taken_bytes).wrapping_sub(given_bytes) as usize;
        let source = self.segments.depot.source();
        // Relaxed: for reports.
        let all = source.stacks.load(stat_atomic::Ordering::Relaxed);
        let bytes = source.bytes.load(stat_atomic::Ordering::Relaxed).max(bytes_in_use);
        SegmentStats { in_use, free: all.saturating_sub(in_use), bytes_in_use, bytes }
    }
}

/// Returns the goroutine that `m` runs, or in whose foreign call it is. One that is none now is a foreign thread's
/// between its callbacks.
fn goroutine_of(m: &M) -> Option<&G> {
    // Acquire: the G may be younger than the look at all of them.
    // SAFETY: registered Gs live as long as the scheduler.
    unsafe { m.g.load(Ordering::Acquire).as_ref() }
        .filter(|g| g.status.load(Ordering::Relaxed) != status::DEAD)
}

/// Returns whether `g`, which is runnable or runs, may run on one M alone, which is busy with another.
fn is_behind_busy_m(g: &G) -> bool {
    // SAFETY: Ms are never freed while their scheduler lives.
    let bound = unsafe { g.bound.look().as_ref() };
    bound.and_then(goroutine_of).is_some_and(|on_m| !core::ptr::eq(on_m, g))
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (g, m, p, s) = (&self.goroutines, &self.machines, &self.procs, &self.stacks);
        writeln!(
            f,
            "goroutines: {} ({} running, {} runnable, {} of them behind a busy M, {} in foreign calls, \
             {} waiting)",
            g.all(),
            g.running,
            g.runnable,
            g.runnable_behind_busy_m,
            g.foreign,
            g.waiting
        )?;
        for (reason, n) in g.reasons() {
            writeln!(f, "  waiting: {n} {reason}")?;
        }
        writeln!(
            f,
            "Ms: {} ({} running, {} idle, {} in line, {} in foreign calls, {} evicted, {} kept; \
             {} locked)",
            m.all(),
            m.running,
            m.idle,
            m.waiting_for_p,
            m.foreign,
            m.evicted,
            m.kept,
            m.locked
        )?;
        writeln!(f, "Ps: {} busy, {} idle, {} retired", p.busy, p.idle, p.retired)?;
        write!(f, "stacks: {} KiB reserved, ", s.reserved >> 10)?;
        if let Some(committed) = s.committed {
            write!(f, "{} KiB committed, ", committed >> 10)?;
        }
        writeln!(f, "{} KiB in use; {} times given back", s.in_use >> 10, s.given_back)?;
        let segments = &self.segments;
        if segments.all() != 0 {
            writeln!(
                f,
                "segments: {} in use, {} free ({} of {} KiB)",
                segments.in_use,
                segments.free,
                segments.bytes_in_use >> 10,
                segments.bytes >> 10
            )?;
        }
        write!(
            f,
            "so far: {} started, {} parks, {} steals, {} hand-offs, {} retakes, {} evictions, \
             {} heavy fences, {} foreign calls, {} callbacks, {} timers",
            self.started,
            self.parks,
            self.steals,
            self.hand_offs,
            self.retakes,
            self.evictions,
            self.heavy_fences,
            self.foreign_calls,
            self.callbacks,
            self.timers
        )
    }
}
