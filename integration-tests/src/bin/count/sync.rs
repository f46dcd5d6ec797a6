//! What goroutines block on.

use std::hint::black_box;
use std::time::Duration;

use g0_sched::{Mutex, Receiver, Sender, channel, go, yield_now};

/// A goroutine that sends back what it receives, and the main goroutine's ends of its channels.
fn echo() -> (Sender<u64>, Receiver<u64>) {
    let (to, from_main) = channel::<u64>(0);
    let (to_main, from) = channel::<u64>(0);
    drop(go(move || {
        for v in &from_main {
            to_main.send(v).expect("main receives");
        }
    }));
    (to, from)
}

fn round_trips(to: &Sender<u64>, from: &Receiver<u64>, operations: u64) {
    for i in 0..operations {
        to.send(i).expect("the echo receives");
        assert_eq!(from.recv(), Ok(i));
    }
}

/// A round trip in which each receiver waits and each send finds it: the echo begins to wait before main sends.
pub(crate) fn receivers_wait(operations: u64) {
    let (to, from) = echo();
    yield_now();
    round_trips(&to, &from, operations);
}

/// A round trip in which each sender waits and each receive finds it: main begins to wait before the echo runs.
pub(crate) fn senders_wait(operations: u64) {
    let (to, from) = echo();
    round_trips(&to, &from, operations);
}

/// One value through a channel that holds 128.
pub(crate) fn buffered(operations: u64) {
    let (tx, rx) = channel::<u64>(128);
    let producer = go(move || (0..operations).for_each(|i| tx.send(i).expect("main receives")));
    assert_eq!(rx.iter().count() as u64, operations);
    producer.join().expect("the producer only sends");
}

/// A round trip in which both sides receive by a select of two channels.
pub(crate) fn select(operations: u64) {
    let (to, from_main) = channel::<u64>(0);
    let (to_main, from) = channel::<u64>(0);
    let (_quit, quits) = channel::<()>(0);
    let echo_quits = quits.clone();
    let echo = move || {
        loop {
            g0_sched::select! {
                recv(from_main) -> v => match v {
                    Ok(v) => to_main.send(v).expect("main receives"),
                    Err(_) => break,
                },
                recv(echo_quits) -> _ => break,
            }
        }
    };
    drop(go(echo));
    for i in 0..operations {
        to.send(i).expect("the echo receives");
        g0_sched::select! {
            recv(from) -> v => assert_eq!(v, Ok(i)),
            recv(quits) -> _ => unreachable!("this channel is open until main ends"),
        }
    }
}

/// A free mutex is locked and unlocked.
pub(crate) fn mutex(operations: u64) {
    let counter = black_box(Mutex::new(0_u64));
    (0..operations).for_each(|_| *counter.lock().expect("no holder panics") += 1);
    assert_eq!(*counter.lock().expect("no holder panics"), operations);
}

/// The round trip of [`receivers_wait`] in which main arms a timer before it waits, and disarms it afterwards.
pub(crate) fn timer(operations: u64) {
    let (to, from) = echo();
    yield_now();
    for i in 0..operations {
        to.send(i).expect("the echo receives");
        assert_eq!(from.recv_timeout(Duration::from_secs(3600)), Ok(i));
    }
}
