//! A sleeper beside a loop of operations that may wait, and never have to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use g0_sched::{Mutex, channel, go, select, sleep, yield_now};

use super::runtimes::on_one_p;

/// How long the loop goes on, whatever the sleeper does.
const LENGTH: Duration = Duration::from_millis(600);

/// The longest time from one wake-up to the next of a goroutine that sleeps for a millisecond again and again, in
/// milliseconds: from before the loop until after it, so a sleeper that never wakes has the length of the loop.
fn worst_gap(mut operation: impl FnMut() + Send + 'static) -> f64 {
    on_one_p(|| {
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        let sleeper = go(move || {
            let (mut last, mut worst) = (Instant::now(), Duration::ZERO);
            while !until.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(1));
                worst = worst.max(last.elapsed());
                last = Instant::now();
            }
            worst
        });
        yield_now();
        let looping = go(move || {
            let begin = Instant::now();
            while begin.elapsed() < LENGTH {
                (0..100).for_each(|_| operation());
            }
            over.store(true, Ordering::Relaxed);
        });
        looping.join().expect("it ends by the clock");
        sleeper.join().expect("it only sleeps").as_secs_f64() * 1e3
    })
}

/// Beside a send and a receive by which a buffer is full and empty, a `select!` with a default, a mutex that nothing
/// else wants.
pub(crate) fn loops() -> [f64; 3] {
    let by_channel = {
        let (to, from) = channel::<u8>(1);
        worst_gap(move || {
            to.send(1).expect("there is a receiver");
            assert_eq!(from.recv(), Ok(1));
        })
    };
    let by_select = {
        let (to, from) = channel::<u8>(1);
        worst_gap(move || {
            select! {
                recv(from) -> _ => unreachable!("the channel is empty, and has a sender"),
                default => assert!(!to.is_full()),
            }
        })
    };
    let by_mutex = {
        let counter = Mutex::new(0_u64);
        worst_gap(move || *counter.lock().expect("nothing panics") += 1)
    };
    [by_channel, by_select, by_mutex]
}
