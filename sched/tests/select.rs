//! Select: one of several channel operations.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::on_every_runtime;
use g0_sched::{RecvError, channel, go, select, sleep};

#[test]
fn the_arm_that_is_ready_is_chosen() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(1);
        let (_never, silent) = channel::<u32>(1);
        tx.send(7).unwrap();
        let got = select! {
            recv(silent) -> value => panic!("nothing was sent: {value:?}"),
            recv(rx) -> value => value.unwrap(),
        };
        assert_eq!(got, 7);
        let sent = select! {
            recv(silent) -> _ => false,
            send(tx, 8) -> sent => { sent.unwrap(); true }
        };
        assert!(sent && rx.recv() == Ok(8));
    });
}

#[test]
fn default_is_chosen_when_nothing_is_ready_and_not_else() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(1);
        let look = || {
            select! {
                recv(rx) -> value => Some(value.unwrap()),
                default => None,
            }
        };
        assert_eq!(look(), None);
        tx.send(1).unwrap();
        assert_eq!(look(), Some(1));
        let late = select! {
            recv(rx) -> _ => false,
            default(Duration::from_millis(2)) => true,
        };
        assert!(late);
    });
}

#[test]
fn two_selects_that_face_each_other_meet() {
    on_every_runtime(2, || {
        let (a, from_a) = channel::<u32>(0);
        let (b, from_b) = channel::<u32>(0);
        let there = go(move || {
            let mut got = 0;
            for i in 0..1000 {
                select! {
                    send(a, i) -> sent => sent.unwrap(),
                    recv(from_b) -> value => got += value.unwrap(),
                }
            }
            got
        });
        let mut got = 0;
        for _ in 0..1000 {
            select! {
                recv(from_a) -> value => got += value.unwrap(),
                send(b, 1) -> sent => sent.unwrap(),
            }
        }
        assert!(there.join().unwrap() + got > 0);
    });
}

#[test]
fn a_closed_channel_is_ready_for_ever() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(0);
        drop(tx);
        select! { recv(rx) -> value => assert_eq!(value, Err(RecvError)) }
    });
}

#[test]
fn none_is_never_ready() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(1);
        tx.send(1).unwrap();
        let off = Some(&rx).filter(|_| false);
        select! {
            recv(off) -> _ => panic!("a case without a channel was chosen"),
            default(Duration::from_millis(1)) => {}
        }
        select! {
            recv(Some(&rx)) -> value => assert_eq!(value, Ok(1)),
            default => panic!("a value was there"),
        }
    });
}

#[test]
fn values_of_many_selects_arrive_once_each() {
    on_every_runtime(4, || {
        let ends: Vec<_> = (0..3).map(|i| channel::<usize>(i)).collect();
        let sum = Arc::new(AtomicUsize::new(0));
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let rx: Vec<_> = ends.iter().map(|end| end.1.clone()).collect();
                let sum = sum.clone();
                go(move || {
                    let (mut a, mut b, mut c) = (Some(&rx[0]), Some(&rx[1]), Some(&rx[2]));
                    while a.is_some() || b.is_some() || c.is_some() {
                        select! {
                            recv(a) -> v => match v { Ok(v) => { sum.fetch_add(v, Ordering::Relaxed); } Err(_) => a = None },
                            recv(b) -> v => match v { Ok(v) => { sum.fetch_add(v, Ordering::Relaxed); } Err(_) => b = None },
                            recv(c) -> v => match v { Ok(v) => { sum.fetch_add(v, Ordering::Relaxed); } Err(_) => c = None },
                        }
                    }
                })
            })
            .collect();
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let tx: Vec<_> = ends.iter().map(|end| end.0.clone()).collect();
                go(move || {
                    for i in 1..=500 {
                        select! {
                            send(tx[0], i) -> sent => sent.unwrap(),
                            send(tx[1], i) -> sent => sent.unwrap(),
                            send(tx[2], i) -> sent => sent.unwrap(),
                        }
                    }
                })
            })
            .collect();
        senders.into_iter().for_each(|h| h.join().unwrap());
        drop(ends);
        receivers.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!(sum.load(Ordering::Relaxed), 4 * 500 * 501 / 2);
    });
}

#[test]
fn a_select_that_waits_sleeps_until_something_comes() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(0);
        let (_other, silent) = channel::<u32>(0);
        let sender = go(move || {
            sleep(Duration::from_millis(3));
            tx.send(5).unwrap();
        });
        select! {
            recv(silent) -> _ => panic!("nothing was sent"),
            recv(rx) -> value => assert_eq!(value, Ok(5)),
        }
        sender.join().unwrap();
    });
}
