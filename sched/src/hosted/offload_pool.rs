//! The threads that offloaded work runs on.
//!
//! They are service threads of their runtime, not Ms: they run no goroutine, and wake one only by its waker. A
//! thread is started by sysmon, whose own has run no code of the program (L10), when more work waits than threads
//! do; and ends when none has come for [`IDLE`], or with the run. If the system refuses it the work waits for the
//! threads there are; without any it is refused.
//!
//! At the end of the run the threads that wait for work end, and are waited for. One that is in a closure is left to
//! it, and touches nothing of the runtime afterwards.

use std::collections::VecDeque;
use std::string::ToString;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use g0_arch::sync::atomic::Ordering;

use super::tag::Hosted;
use crate::objects::shared::Core;

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// How many threads a pool may have, if nothing else is asked for.
pub(super) const MOST: usize = 512;

/// What a thread of the pool runs.
pub(super) trait Work: Send + Sync {
    /// Runs it, unless it is wanted no more. Must not unwind.
    fn run(&self);

    /// There is no thread for it. Must not unwind.
    fn refuse(&self);
}

/// The pool of one runtime.
pub(super) struct Pool {
    state: Mutex<State>,
    /// Work has come, or the end.
    work: Condvar,
    /// A thread has ended, or a closure.
    change: Condvar,
    most: usize,
}

struct State {
    queue: VecDeque<Arc<dyn Work>>,
    /// Threads that have been started and not ended; of those, the ones that wait, and those in a closure.
    threads: usize,
    waiting: usize,
    busy: usize,
    /// Threads that sysmon is to start.
    wanted: usize,
    /// The runtime, until it ends.
    core: Option<&'static Core>,
}

impl Pool {
    /// Returns a pool of `most` threads, for `core`.
    pub(super) fn new(core: &'static Core, most: usize) -> Self {
        let (work, change) = (Condvar::new(), Condvar::new());
        Self { state: Mutex::new(State::of(core)), work, change, most }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code of the program runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a thread run `work`, now or when one is free.
    pub(super) fn submit(&self, work: Arc<dyn Work>) {
        let mut state = self.lock();
        let Some(core) = state.core else {
            drop(state);
            return work.refuse();
        };
        state.queue.push_back(work);
        let (queued, coming) = (state.queue.len(), state.waiting + state.wanted);
        let start = queued > coming && state.threads + state.wanted < self.most;
        state.wanted += usize::from(start);
        drop(state);
        if start {
            core.sysmon.parker.unpark::<Hosted>();
        } else {
            self.work.notify_one();
        }
    }

    /// Starts the threads that are wanted, with so large stacks. By sysmon.
    pub(super) fn start_threads(self: &Arc<Self>, stack: usize) {
        loop {
            let mut state = self.lock();
            let Some(core) = state.core.filter(|_| state.wanted != 0) else { return };
            state.wanted -= 1;
            state.threads += 1;
            // Before it runs: a count too low would make it an external waker. Relaxed: it is counted anew.
            core.deadlock.service_threads.fetch_add(1, Ordering::Relaxed);
            drop(state);
            let pool = self.clone();
            let started = Builder::new()
                .name("g0 offload".to_string())
                .stack_size(stack)
                .spawn(move || pool.serve());
            if started.is_err() {
                let mut state = self.lock();
                state.ends();
                let refused = if state.threads == 0 {
                    core::mem::take(&mut state.queue)
                } else {
                    VecDeque::new()
                };
                drop(state);
                refused.into_iter().for_each(|work| work.refuse());
            }
        }
    }

    /// Runs what comes, as a thread of the pool.
    fn serve(&self) {
        let mut state = self.lock();
        let mut since = Instant::now();
        loop {
            if let Some(work) = state.queue.pop_front() {
                state.busy += 1;
                drop(state);
                work.run();
                drop(work);
                state = self.lock();
                state.busy -= 1;
                self.change.notify_all();
                since = Instant::now();
                continue;
            }
            let left = IDLE.saturating_sub(since.elapsed());
            if state.core.is_none() || left.is_zero() {
                state.ends();
                self.change.notify_all();
                return;
            }
            state.waiting += 1;
            state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
    }

    /// Ends the pool: what has not begun is refused, and the threads end that are in no closure, until `deadline` at
    /// most. Returns how many are in one.
    pub(super) fn close(&self, patience: Duration) -> usize {
        let mut state = self.lock();
        state.core = None;
        state.wanted = 0;
        let refused = core::mem::take(&mut state.queue);
        drop(state);
        refused.into_iter().for_each(|work| work.refuse());
        self.work.notify_all();
        let ending = |state: &mut State| state.threads > state.busy;
        let state = self.change.wait_timeout_while(self.lock(), patience, ending);
        state.unwrap_or_else(PoisonError::into_inner).0.busy
    }
}

impl State {
    fn of(core: &'static Core) -> Self {
        let queue = VecDeque::new();
        Self { queue, threads: 0, waiting: 0, busy: 0, wanted: 0, core: Some(core) }
    }

    /// A thread ends, or was not to be had.
    fn ends(&mut self) {
        self.threads -= 1;
        if let Some(core) = self.core {
            core.deadlock.service_threads.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
