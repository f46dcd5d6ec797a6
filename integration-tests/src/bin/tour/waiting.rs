//! Goroutines that wait in three ways at the same time, with two processors.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use g0_sched::{JoinHandle, Receiver, Runtime, Sender, block_on, channel, go, select, sleep};

use crate::env::{Env, ensure, equal, grouped};

/// Of each kind.
const WAITERS: u64 = 20_000;
/// Sleeps are from one of these to this many of them long, milliseconds.
const LENGTHS: u64 = 200;

/// A future that waits for it, and the way to wake that.
type Event = (Arc<AtomicBool>, Waker);

/// Sleeps; how much too long.
fn sleeper(length: Duration) -> Result<Duration, String> {
    let start = Instant::now();
    sleep(length);
    let slept = start.elapsed();
    slept.checked_sub(length).ok_or_else(|| format!("a sleep of {length:?} took {slept:?}"))
}

/// Waits for a future that is ready once the other side has had its waker; how often it was polled.
fn awaiter(events: &Sender<Event>) -> u64 {
    let (happened, mut polls) = (Arc::new(AtomicBool::new(false)), 0);
    block_on(poll_fn(|context| {
        polls += 1;
        if happened.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        let event = (happened.clone(), context.waker().clone());
        events.send(event).expect("the thread listens as long as there are goroutines");
        Poll::Pending
    }));
    polls
}

/// Waits for something that does not come, until it is told to stop; true when it was.
fn listener(done: &Receiver<()>) -> bool {
    let never = None::<&Receiver<u64>>;
    select! {
        recv(done) -> told => told.is_err(),
        recv(never) -> _ => false,
        default(Duration::from_secs(3600)) => false,
    }
}

/// What was seen.
struct GoroutineInfo {
    late: Vec<Duration>,
    polls: u64,
    stopped: u64,
    /// From the word to the last end.
    stop: Duration,
}

pub fn run(env: &Env) -> Result<(), String> {
    let n = env.at_most(WAITERS);
    let count = env.stage("goroutines that have waited", 3 * n);
    let (events, happening) = channel::<Event>(100);
    // An ordinary thread on a goroutines' channel: it blocks, and its wakes come from outside.
    let reactor = thread::spawn(move || {
        for (happened, waker) in happening {
            happened.store(true, Ordering::Release);
            waker.wake();
        }
    });
    let seen = env.run(Runtime::builder().procs(2), move || {
        let (cancel, done) = channel::<()>(0);
        let sleepers: Vec<JoinHandle<_>> =
            (0..n).map(|i| go(move || sleeper(Duration::from_millis(1 + i % LENGTHS)))).collect();
        let listeners: Vec<JoinHandle<bool>> = (0..n)
            .map(|_| {
                let done = done.clone();
                go(move || listener(&done))
            })
            .collect();
        let awaiters: Vec<JoinHandle<u64>> = (0..n)
            .map(|_| {
                let events = events.clone();
                go(move || awaiter(&events))
            })
            .collect();
        drop(events);
        fn joined<T>(handle: JoinHandle<T>) -> T {
            handle.join().expect("it does not panic")
        }
        let mut polls = 0;
        for handle in awaiters {
            polls += joined(handle);
            count.add(1);
        }
        let mut late = Vec::with_capacity(n as usize);
        for handle in sleepers {
            late.push(joined(handle)?);
            count.add(1);
        }
        let start = Instant::now();
        drop(cancel);
        let mut stopped = 0;
        for handle in listeners {
            stopped += u64::from(joined(handle));
            count.add(1);
        }
        Ok::<_, String>(GoroutineInfo { late, polls, stopped, stop: start.elapsed() })
    })??;
    reactor.join().map_err(|_| "the reactor's thread panicked")?;

    let mut late = seen.late;
    late.sort_unstable();
    env.figure("goroutines asleep, in a select, in a future: of each", grouped(n));
    env.figure("a sleep's end after its time, median", format!("{:.0?}", late[late.len() / 2]));
    env.figure("polls of a future, woken by a thread", grouped(seen.polls));
    env.figure("selects that are told to stop, all", format!("{:.1?}", seen.stop));

    equal("selects that were told", &env.result(seen.stopped), &n)?;
    equal("sleeps", &(late.len() as u64), &n)?;
    ensure(seen.polls >= 2 * n, || format!("{} polls, and each waited", seen.polls))
}
