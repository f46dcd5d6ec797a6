//! Thread-affine C state, held by locked goroutines while everything else changes threads.

use std::ffi::c_long;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use g0_cgo::{call, call_blocking};
use g0_sched::{
    Receiver, Runtime, Sender, channel, go, lock_os_thread, os_thread_locked, unlock_os_thread,
    yield_now,
};

use crate::env::{Env, ensure, equal, grouped};
use crate::process::thread_id;

const LOCKED: u64 = 4;
const ROUNDS: u64 = 400;
const SCRAMBLERS: u64 = 12;

unsafe extern "C" {
    safe fn tour_state_open(owner: c_long);
    safe fn tour_state_add(n: c_long);
    safe fn tour_state_owner() -> c_long;
    safe fn tour_state_close() -> c_long;
    safe fn tour_sum_by_thread(n: c_long) -> c_long;
}

/// What a locked goroutine has seen.
struct Kept {
    /// What C had summed up in the thread's state.
    sum: i64,
    /// Rounds that found another thread, or another one's state.
    strayed: u64,
    rounds: u64,
    /// Whether it was locked all the time, and not afterwards.
    locks: bool,
}

/// What an unlocked goroutine has seen.
struct Scrambled {
    turns: u64,
    /// Turns that began on another thread than the one before.
    moves: u64,
    /// Turns on a thread whose state somebody had opened: a locked one's.
    intrusions: u64,
}

struct Question {
    n: i64,
    reply: Sender<i64>,
}

/// A nap in C.
fn nap(microseconds: libc::c_uint) {
    // SAFETY: it touches no memory of ours.
    unsafe { libc::usleep(microseconds) };
}

/// One goroutine, locked: yields, waits for others, sleeps in C, has C start threads.
fn keeper(id: u64, questions: &Sender<Question>) -> Kept {
    lock_os_thread();
    let thread = thread_id();
    call(|| tour_state_open(id as c_long));
    let (reply, answers) = channel(0);
    let mut kept = Kept { sum: 0, strayed: 0, rounds: 0, locks: true };
    for round in 0..ROUNDS {
        match round % 4 {
            0 => yield_now(),
            1 => {
                let _ = questions.send(Question { n: round as i64, reply: reply.clone() });
                let answer = answers.recv().unwrap_or(0);
                call(|| tour_state_add(answer));
            }
            2 => call(|| nap(50)),
            _ => {
                let sum = call(|| tour_sum_by_thread(round as c_long));
                call(|| tour_state_add(sum));
            }
        }
        let at_home = thread_id() == thread && call(|| tour_state_owner()) == id as c_long;
        kept.strayed += u64::from(!at_home);
        kept.rounds += 1;
        kept.locks &= os_thread_locked();
    }
    kept.sum = call(|| tour_state_close());
    unlock_os_thread();
    kept.locks &= !os_thread_locked();
    kept
}

/// What `keeper`'s thread-local state comes to: the answers, and the sums of 1 to n.
fn wanted() -> i64 {
    let rounds = 0..ROUNDS as i64;
    rounds
        .map(|n| match n % 4 {
            1 => 3 * n,
            3 => n * (n + 1) / 2,
            _ => 0,
        })
        .sum()
}

/// Answers questions, unlocked.
fn answerer(questions: &Receiver<Question>) {
    for Question { n, reply } in questions {
        yield_now();
        let _ = reply.send(3 * n);
    }
}

/// Yields and goes to C, so that threads change hands.
fn scrambler(id: u64, done: &AtomicBool) -> Scrambled {
    let mut seen = Scrambled { turns: 0, moves: 0, intrusions: 0 };
    let mut thread = thread_id();
    while !done.load(Ordering::Relaxed) {
        if (seen.turns + id).is_multiple_of(16) {
            call_blocking(|| nap(100));
        } else {
            yield_now();
        }
        let now = thread_id();
        seen.moves += u64::from(now != thread);
        thread = now;
        seen.intrusions += u64::from(call(|| tour_state_owner()) != 0);
        seen.turns += 1;
    }
    seen
}

pub fn run(env: &Env) -> Result<(), String> {
    let count = env.stage("locked goroutines done", LOCKED);
    let (kept, scrambled, seconds) = env.run(Runtime::builder(), move || {
        let start = Instant::now();
        let done = Arc::new(AtomicBool::new(false));
        let (questions, asked) = channel(0);
        let helpers: Vec<_> = (0..2)
            .map(|_| {
                let asked = asked.clone();
                go(move || answerer(&asked))
            })
            .collect();
        let scramblers: Vec<_> = (0..SCRAMBLERS)
            .map(|id| {
                let done = done.clone();
                go(move || scrambler(id, &done))
            })
            .collect();
        let keepers: Vec<_> = (1..=LOCKED)
            .map(|id| {
                let (questions, count) = (questions.clone(), count.clone());
                go(move || {
                    let kept = keeper(id, &questions);
                    count.add(1);
                    kept
                })
            })
            .collect();
        let kept: Vec<Kept> =
            keepers.into_iter().map(|h| h.join().expect("it does not panic")).collect();
        let seconds = start.elapsed().as_secs_f64();
        done.store(true, Ordering::Relaxed);
        let scrambled: Vec<Scrambled> =
            scramblers.into_iter().map(|h| h.join().expect("it does not panic")).collect();
        drop(questions);
        for helper in helpers {
            helper.join().expect("it does not panic");
        }
        (kept, scrambled, seconds)
    })?;
    let sum = |of: fn(&Scrambled) -> u64| scrambled.iter().map(of).sum::<u64>();
    let rounds: u64 = kept.iter().map(|kept| kept.rounds).sum();
    let strayed: u64 = kept.iter().map(|kept| kept.strayed).sum();
    let intrusions = sum(|seen| seen.intrusions);
    env.figure("goroutines locked to threads with C state", LOCKED);
    env.figure("their yields, waits, sleeps and pthreads in C", grouped(rounds));
    env.figure("each", format!("{:.1} µs", seconds * 1e6 / rounds as f64));
    env.figure("times that one of them was on another thread", strayed);
    env.figure("turns of unlocked goroutines meanwhile", grouped(sum(|seen| seen.turns)));
    env.figure("of those, on another thread than the last", grouped(sum(|seen| seen.moves)));
    env.figure("of those, on a locked goroutine's thread", intrusions);

    let sums: Vec<i64> = kept.iter().map(|kept| kept.sum).collect();
    let sums = env.result(sums);
    equal("the sums in the threads' states", &sums, &vec![wanted(); LOCKED as usize])?;
    equal("rounds", &rounds, &(LOCKED * ROUNDS))?;
    equal("rounds of a locked goroutine on another thread", &strayed, &0)?;
    equal("turns of another goroutine on a locked one's thread", &intrusions, &0)?;
    ensure(kept.iter().all(|kept| kept.locks), || "a lock was not there, or stayed".into())?;
    ensure(sum(|seen| seen.turns) > 0, || "nobody else ran".into())
}
