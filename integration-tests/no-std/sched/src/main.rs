//! g0-sched without std: a scheduler in statics, on a platform of one thread, runs goroutines that
//! yield, send over channels, wait for each other and for their scope.
#![no_std]
#![no_main]

mod platform;

use core::array::from_fn;
use core::sync::atomic::{AtomicUsize, Ordering};

use g0_sched::{Ended, Error, RecvError};
use nostd_start::{check, exit};
use platform::{SCHEDULER, STACKS, rt};

nostd_start::program!(main);

/// A channel without room: every send meets a receiver.
static MEETING: rt::Chan<usize, 0> = rt::Chan::new();
/// A channel with room for two.
static BUFFERED: rt::Chan<usize, 2> = rt::Chan::new();
static GROUP: rt::WaitGroup = rt::WaitGroup::new();
static DONE: AtomicUsize = AtomicUsize::new(0);

fn spawn_and_join() {
    let handles = [1, 2, 3].map(|n| {
        rt::go(move || {
            rt::yield_now();
            n * n
        })
    });
    let squares = handles.map(|handle| match handle.join() {
        Ok(square) => square,
        Err(never) => match never {},
    });
    check(1, squares == [1, 4, 9]);
}

/// Sends the numbers below `n`, then closes.
fn channel<const N: usize>(number: u8, channel: &'static rt::Chan<usize, N>, n: usize) {
    let sender = rt::go(move || {
        for i in 0..n {
            check(number, channel.send(i).is_ok());
        }
        check(number, channel.close().is_ok());
    });
    let mut sum = 0;
    let end = loop {
        match channel.recv() {
            Ok(i) => sum += i,
            Err(end) => break end,
        }
    };
    check(number, end == RecvError && sum == n * (n - 1) / 2);
    check(number, channel.send(0).is_err() && channel.close().is_err());
    check(number, sender.join().is_ok());
}

fn wait_group() {
    GROUP.add(STACKS - 1);
    for _ in 1..STACKS {
        drop(rt::go(|| {
            rt::yield_now();
            DONE.fetch_add(1, Ordering::Relaxed);
            GROUP.done();
        }));
    }
    GROUP.wait();
    check(4, DONE.load(Ordering::Relaxed) == STACKS - 1);
}

/// Goroutines that borrow from this frame.
fn scope() {
    let mut halves = [0; 2];
    let [left, right] = &mut halves;
    rt::scope(|s| {
        s.go(|| *left = 1);
        s.go(|| {
            rt::yield_now();
            *right = 2;
        });
    });
    check(5, halves == [1, 2]);
}

/// Static memory ends: the spawner is told, and what ends gives its stack back.
fn out_of_stacks() {
    for _ in 0..2 {
        let all: [_; STACKS - 1] = from_fn(|_| rt::try_go(rt::yield_now));
        check(6, all.iter().all(Result::is_ok));
        check(7, matches!(rt::try_go(|| ()), Err(Error::Stack(_))));
        for handle in all.into_iter().flatten() {
            check(8, handle.join().is_ok());
        }
    }
}

fn park_and_unpark() {
    let Some(me) = rt::current() else { exit(9) };
    check(10, me.id() > 0 && me.name() == "main");
    let waker = rt::go(move || me.unpark());
    rt::park();
    check(11, waker.join().is_ok());
    rt::lock_os_thread();
    check(12, rt::os_thread_locked());
    rt::unlock_os_thread();
    check(13, !rt::os_thread_locked());
}

#[cfg(feature = "alloc")]
fn channel_on_the_heap() {
    let before = nostd_start::heap_used();
    let (sender, receiver) = g0_sched::generic::channel::<usize, platform::OneThread>(2);
    let adder = rt::go(move || receiver.into_iter().sum::<usize>());
    for i in 0..100 {
        check(14, sender.send(i).is_ok());
    }
    drop(sender);
    check(15, adder.join() == Ok(4950));
    check(16, nostd_start::heap_used() > before);
}

fn goroutines() -> usize {
    spawn_and_join();
    channel(2, &MEETING, 100);
    channel(3, &BUFFERED, 100);
    wait_group();
    scope();
    park_and_unpark();
    #[cfg(feature = "alloc")]
    channel_on_the_heap();
    out_of_stacks();
    // Nothing can unwind it, so it is left behind.
    drop(rt::go(rt::park));
    rt::yield_now();
    7
}

fn main() {
    let ended = SCHEDULER.run(goroutines);
    check(20, matches!(ended, Ok(Ended { result: Some(Ok(7)), left_behind: 1, .. })));
    // A scheduler runs once.
    check(21, SCHEDULER.run(|| ()).is_err());
}
