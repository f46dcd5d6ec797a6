//! What goroutines block on.

use std::sync::Arc;

use g0_sched::{Mutex, Receiver, Sender, channel, go, select};

use super::runtimes::{on, on_one_p};
use super::timing::median;

pub(crate) fn channel_round_trip() -> f64 {
    round_trips(1, 500_000)
}

/// The same on two Ps: the worker runs beside main, or on the same P in turns with it.
pub(crate) fn main_and_worker() -> f64 {
    round_trips(2, 50_000)
}

fn round_trips(procs: usize, n: u64) -> f64 {
    on(procs, || {
        let (a_tx, a_rx) = channel::<u64>(0);
        let (c_tx, c_rx) = channel::<u64>(0);
        let echo = go(move || {
            for v in &a_rx {
                c_tx.send(v).expect("main receives");
            }
        });
        let ns = median(n, |n| {
            for i in 0..n {
                a_tx.send(i).expect("echo receives");
                assert_eq!(c_rx.recv(), Ok(i));
            }
        });
        drop(a_tx);
        echo.join().expect("echo ends");
        ns
    })
}

pub(crate) fn buffered() -> f64 {
    on_one_p(|| {
        median(2_000_000, |n| {
            let (tx, rx) = channel::<u64>(128);
            let producer =
                go(move || (0..n).for_each(|i| tx.send(i).expect("the consumer receives")));
            let consumer = go(move || rx.iter().count() as u64);
            producer.join().expect("the producer ends");
            assert_eq!(consumer.join().ok(), Some(n));
        })
    })
}

pub(crate) fn select() -> f64 {
    on_one_p(|| {
        let (a_tx, a_rx) = channel::<u64>(0);
        let (c_tx, c_rx) = channel::<u64>(0);
        let (quit, quits) = channel::<()>(0);
        let echo_quits = quits.clone();
        let echo = go(move || {
            loop {
                select! {
                    recv(a_rx) -> v => {
                        c_tx.send(v.expect("main sends")).expect("main receives");
                    }
                    recv(echo_quits) -> _ => break,
                }
            }
        });
        let ns = median(500_000, |n| {
            for i in 0..n {
                a_tx.send(i).expect("echo receives");
                select! {
                    recv(c_rx) -> v => assert_eq!(v, Ok(i)),
                    recv(quits) -> _ => unreachable!("nobody closes this channel"),
                }
            }
        });
        quit.close().expect("an open channel");
        echo.join().expect("echo ends");
        ns
    })
}

const MEMBERS: usize = 1000;

/// A member of the ring: passes the token on, one hop less, until the one behind it is gone.
fn member(from: &Receiver<u64>, to: &Sender<u64>, done: &Sender<()>) {
    for v in from {
        match v {
            0 => done.send(()).expect("main waits"),
            _ => to.send(v - 1).expect("the next member receives"),
        }
    }
}

pub(crate) fn ring() -> f64 {
    on_one_p(|| {
        let (ends, starts): (Vec<_>, Vec<_>) = (0..MEMBERS).map(|_| channel::<u64>(0)).unzip();
        let (done, finished) = channel(0);
        let mut members = Vec::with_capacity(MEMBERS);
        for (i, from) in starts.into_iter().enumerate() {
            let (to, done) = (ends[(i + 1) % MEMBERS].clone(), done.clone());
            members.push(go(move || member(&from, &to, &done)));
        }
        let ns = median(1_000_000, |n| {
            ends[0].send(n).expect("the first member receives");
            finished.recv().expect("the token stops somewhere");
        });
        for end in &ends {
            end.close().expect("an open channel");
        }
        members.into_iter().for_each(|member| member.join().expect("the ring is open"));
        ns
    })
}

fn add(counter: &Mutex<u64>, n: u64) {
    for _ in 0..n {
        *counter.lock().expect("nobody panics") += 1;
    }
}

pub(crate) fn mutex() -> f64 {
    on_one_p(|| {
        median(10_000_000, |n| {
            let counter = Mutex::new(0);
            add(&counter, n);
            assert_eq!(*counter.lock().expect("nobody panics"), n);
        })
    })
}

pub(crate) fn mutex_contended() -> f64 {
    const MEMBERS: u64 = 8;
    on(2, || {
        median(2_000_000, |n| {
            let counter = Arc::new(Mutex::new(0));
            let one = |_| {
                let counter = counter.clone();
                go(move || add(&counter, n / MEMBERS))
            };
            let all: Vec<_> = (0..MEMBERS).map(one).collect();
            all.into_iter().for_each(|one| one.join().expect("it only adds"));
            assert_eq!(*counter.lock().expect("nobody panics"), n);
        })
    })
}
