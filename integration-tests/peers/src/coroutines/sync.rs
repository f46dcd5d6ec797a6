//! What coroutines block on.

use super::{go, on};
use crate::timing::sample;
use may::sync::Mutex;
use may::sync::mpsc::{Receiver, Sender, channel};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Receives from whichever has something; nothing ever comes from `quit`.
fn either(values: &Receiver<u64>, quit: &Receiver<u64>) -> u64 {
    let received = AtomicU64::new(u64::MAX);
    let keep = |v: u64| received.store(v, Ordering::Relaxed);
    let chosen = may::select!(
        v = values.recv() => keep(v.expect("the other side sends")),
        _ = quit.recv() => ()
    );
    assert_eq!(chosen, 0, "nobody speaks on this channel");
    received.into_inner()
}

pub fn select() -> f64 {
    on(1, || {
        let (to, from_main) = channel();
        let (to_main, from) = channel();
        let (_quit, main_quits) = channel();
        let (_quit_too, echo_quits) = channel();
        const END: u64 = u64::MAX - 1;
        let echo = go(move || {
            loop {
                let v = either(&from_main, &echo_quits);
                if v == END || to_main.send(v).is_err() {
                    break;
                }
            }
        });
        let ns = sample!(20_000, |n| {
            for i in 0..n {
                to.send(i).expect("the echo receives");
                assert_eq!(either(&from, &main_quits), i);
            }
        });
        to.send(END).expect("the echo receives");
        echo.join().expect("it ends when it is told");
        ns
    })
}

/// A member of the ring: passes the token on, one hop less.
fn member(from: &Receiver<u64>, to: &Sender<u64>, done: &Sender<()>) {
    while let Ok(v) = from.recv() {
        match v {
            0 => done.send(()).expect("main waits"),
            _ => to.send(v - 1).expect("the next member receives"),
        }
    }
}

pub fn ring() -> f64 {
    const MEMBERS: usize = 1000;
    on(1, || {
        let (ends, mut starts): (Vec<_>, Vec<_>) = (0..MEMBERS).map(|_| channel::<u64>()).unzip();
        let (done, finished) = channel();
        let first = ends[0].clone();
        // The last start belongs to the member whose next one is the first.
        let mut next = ends.into_iter();
        let own = next.next().expect("a ring has members");
        for to in next.chain([own]) {
            let (from, done) = (starts.remove(0), done.clone());
            go(move || member(&from, &to, &done));
        }
        sample!(1_000_000, |n| {
            first.send(n).expect("the first member receives");
            finished.recv().expect("the token stops somewhere");
        })
    })
}

fn add(counter: &Mutex<u64>, n: u64) {
    for _ in 0..n {
        *counter.lock().expect("nobody panics") += 1;
    }
}

pub fn mutex() -> f64 {
    on(1, || {
        sample!(10_000_000, |n| {
            let counter = Mutex::new(0);
            add(&counter, n);
            assert_eq!(*counter.lock().expect("nobody panics"), n);
        })
    })
}

pub fn mutex_contended() -> f64 {
    const MEMBERS: u64 = 8;
    on(2, || {
        sample!(2_000_000, |n| {
            let counter = Arc::new(Mutex::new(0));
            let one = |_| {
                let counter = counter.clone();
                go(move || add(&counter, n / MEMBERS))
            };
            let all: Vec<_> = (0..MEMBERS).map(one).collect();
            all.into_iter().for_each(|handle| handle.join().expect("it only adds"));
            assert_eq!(*counter.lock().expect("nobody panics"), n);
        })
    })
}
