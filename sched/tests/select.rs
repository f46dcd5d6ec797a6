//! Select: one of several channel operations.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::count::{Count, Counted};
use common::{
    on_each_kind, on_every_runtime, on_goroutines_and_threads, panic_text, quiet_panic, yield_until,
};
use g0_sched::generic::{self, Case, OnRecv, OnSend};
use g0_sched::{
    Chan, Hosted, Receiver, RecvError, SendError, Sender, channel, go, select, sleep, yield_now,
};

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
        let ends: Vec<_> = (0..3).map(channel::<usize>).collect();
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

#[test]
fn a_select_over_nothing_waits_until_shutdown_ends_it() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let ended = kind.with_procs(procs).run_counted(|| {
            let arrived = Arc::new(AtomicUsize::new(0));
            for i in 0..4 {
                let (value, arrived) = (count.one(), arrived.clone());
                drop(go(move || {
                    let _value = value;
                    arrived.fetch_add(1, Ordering::SeqCst);
                    let none: Option<Receiver<u32>> = None;
                    match i % 2 {
                        0 => select! {},
                        _ => select! { recv(none) -> _ => panic!("a case without a channel") },
                    }
                }));
            }
            yield_until("they wait", || arrived.load(Ordering::SeqCst) == 4);
            (0..50).for_each(|_| yield_now());
            assert_eq!(count.dropped(), 0, "it came back");
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(4);
    });
}

#[test]
fn default_alone_is_chosen_at_once_or_after_its_time() {
    on_goroutines_and_threads(|| {
        let mut done = 0;
        select! { default => done += 1 }
        select! { default => { done += 1 } }
        select! { default => done += 1, }
        select! { default(Duration::ZERO) => done += 1 }
        let start = Instant::now();
        select! { default(Duration::from_millis(2)) => { done += 1 } }
        assert!(start.elapsed() >= Duration::from_millis(2), "early: {:?}", start.elapsed());
        assert_eq!((done, select! { default => "a value" }), (5, "a value"));
    });
}

#[test]
fn a_default_of_zero_length_asks_once() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(1);
        let ask = |length| {
            select! {
                recv(rx) -> value => value.ok(),
                default(length) => None,
            }
        };
        assert_eq!(ask(Duration::ZERO), None);
        tx.send(4).unwrap();
        assert_eq!(ask(Duration::ZERO), Some(4));
        tx.send(5).unwrap();
        assert_eq!(ask(Duration::MAX), Some(5), "what is ready comes before the clock is asked");
    });
}

#[test]
fn a_default_at_the_end_of_time_never_comes() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(0);
        let sender = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(3));
            tx.send(1).unwrap();
        });
        select! {
            recv(rx) -> value => assert_eq!(value, Ok(1)),
            default(Duration::MAX) => panic!("the end of time"),
        }
        sender.join().unwrap();
    });
}

#[test]
fn the_value_of_an_arm_that_is_not_chosen_is_dropped_once() {
    on_goroutines_and_threads(|| {
        let count = Count::new();
        let (full, kept) = channel(1);
        full.send(count.one()).ok().unwrap();
        let (tx, rx) = channel::<u32>(1);
        tx.send(1).unwrap();
        select! {
            send(full, count.one()) -> _ => panic!("there was no room"),
            recv(rx) -> value => assert_eq!((value, count.dropped()), (Ok(1), 1)),
        }
        select! {
            send(full, count.one()) -> _ => panic!("there was no room"),
            default => assert_eq!(count.dropped(), 2),
        }
        // Having waited.
        select! {
            send(full, count.one()) -> _ => panic!("there was no room"),
            send(full, count.one()) -> _ => panic!("there was no room"),
            recv(rx) -> _ => panic!("nothing was sent"),
            default(Duration::from_millis(1)) => assert_eq!(count.dropped(), 4),
        }
        // Of a channel that is not there.
        select! {
            send(Some(&full).filter(|_| false), count.one()) -> _ => panic!("no channel"),
            default => assert_eq!(count.dropped(), 5),
        }
        // It comes back when the channel is closed.
        kept.close().unwrap();
        select! {
            send(full, count.one()) -> sent => {
                assert_eq!(count.dropped(), 5);
                let SendError(_value) = sent.expect_err("closed");
            }
        }
        assert_eq!(count.dropped(), 6);
        // A later arm's expression panics: nothing was done, and nothing is lost.
        let (open, held) = channel(1);
        let panics = || -> Counted { quiet_panic("evaluated") };
        let text = panic_text(|| {
            select! {
                send(open, count.one()) -> _ => panic!("done before all was evaluated"),
                send(open, panics()) -> _ => {}
            }
        });
        assert_eq!((text.as_str(), count.dropped(), held.len()), ("evaluated", 7, 0));
        drop((full, kept));
        count.assert_all_dropped(8);
    });
}

#[test]
fn of_two_sends_in_one_select_one_value_arrives_and_the_other_is_dropped() {
    on_goroutines_and_threads(|| {
        let count = Count::new();
        let (tx, rx) = channel(0);
        let receiver = std::thread::spawn(move || rx.iter().count());
        for _ in 0..100 {
            select! {
                send(tx, count.one()) -> sent => sent.ok().unwrap(),
                send(tx, count.one()) -> sent => sent.ok().unwrap(),
            }
        }
        drop(tx);
        assert_eq!(receiver.join().unwrap(), 100);
        count.assert_all_dropped(200);
    });
}

#[test]
fn a_channel_may_stand_in_several_arms() {
    // After Go's TestSelectDuplicateChannel.
    on_every_runtime(2, || {
        let (c, from_c) = channel::<u32>(0);
        let (d, from_d) = channel::<u32>(0);
        let (e, from_e) = channel::<u32>(0);
        let first = {
            let (from_c, from_d) = (from_c.clone(), from_d.clone());
            go(move || {
                let got = select! {
                    recv(from_c) -> v => v.unwrap(),
                    recv(from_d) -> v => v.unwrap(),
                    recv(from_c) -> v => v.unwrap(),
                    recv(from_c) -> v => v.unwrap(),
                };
                assert_eq!(got, 7);
                // What it has left in the queue of `c` would receive this in its place.
                e.send(9).unwrap();
            })
        };
        (0..20).for_each(|_| yield_now());
        let second = go(move || from_c.recv().unwrap());
        (0..20).for_each(|_| yield_now());
        d.send(7).unwrap();
        assert_eq!(from_e.recv(), Ok(9));
        c.send(8).unwrap();
        assert_eq!(second.join().unwrap(), 8);
        first.join().unwrap();
    });
}

#[test]
fn one_that_sends_and_receives_on_one_channel_does_not_meet_itself() {
    // After Go's TestSelfSelect.
    for capacity in [0, 10] {
        on_every_runtime(2, move || {
            let (tx, rx) = channel::<usize>(capacity);
            let both: Vec<_> = (0..2)
                .map(|me| {
                    let (tx, rx) = (tx.clone(), rx.clone());
                    let seen = move |v: usize| {
                        assert!(capacity > 0 || v != me, "received from itself");
                    };
                    go(move || {
                        for i in 0..1000 {
                            if me == 0 || i % 2 == 0 {
                                select! {
                                    send(tx, me) -> sent => sent.unwrap(),
                                    recv(rx) -> v => seen(v.unwrap()),
                                }
                            } else {
                                select! {
                                    recv(rx) -> v => seen(v.unwrap()),
                                    send(tx, me) -> sent => sent.unwrap(),
                                }
                            }
                        }
                    })
                })
                .collect();
            // Each operation of one goes with one of the other, or with the buffer.
            both.into_iter().for_each(|h| h.join().unwrap());
        });
    }
}

#[test]
fn each_value_of_a_select_that_sends_on_four_channels_arrives_once() {
    // After Go's test/chan/doubleselect.
    const N: usize = 3000;
    on_every_runtime(2, || {
        let ends: Vec<(Sender<usize>, Receiver<usize>)> = (0..4).map(|_| channel(0)).collect();
        let (out, all) = channel::<usize>(0);
        for (i, (_, rx)) in ends.iter().enumerate() {
            let (rx, out) = (rx.clone(), out.clone());
            if i == 0 {
                // One of them is a thread.
                drop(std::thread::spawn(move || rx.iter().for_each(|v| out.send(v).unwrap())));
            } else {
                drop(go(move || rx.iter().for_each(|v| out.send(v).unwrap())));
            }
        }
        drop(out);
        let sender = go(move || {
            for i in 0..N {
                select! {
                    send(ends[0].0, i) -> sent => sent.unwrap(),
                    send(ends[1].0, i) -> sent => sent.unwrap(),
                    send(ends[2].0, i) -> sent => sent.unwrap(),
                    send(ends[3].0, i) -> sent => sent.unwrap(),
                }
            }
        });
        let mut seen = [false; N];
        all.iter().for_each(|v| assert!(!std::mem::replace(&mut seen[v], true), "{v} came twice"));
        assert!(seen.iter().all(|seen| *seen));
        sender.join().unwrap();
    });
}

#[test]
fn selects_and_plain_operations_share_channels_under_stress() {
    // After Go's TestSelectStress.
    const N: usize = 600;
    on_every_runtime(4, || {
        let ends: Arc<[(Sender<usize>, Receiver<usize>); 4]> =
            Arc::new([channel(0), channel(0), channel(2), channel(3)]);
        let sum = Arc::new(AtomicUsize::new(0));
        let mut all = Vec::new();
        for i in 0..4 {
            let theirs = ends.clone();
            all.push(go(move || (0..N).for_each(|v| theirs[i].0.send(v).unwrap())));
            let (theirs, sum) = (ends.clone(), sum.clone());
            all.push(go(move || {
                for value in theirs[i].1.iter().take(N) {
                    sum.fetch_add(value, Ordering::SeqCst);
                }
            }));
        }
        let theirs = ends.clone();
        all.push(go(move || {
            let mut tx = theirs.each_ref().map(|end| Some(&end.0));
            let mut n = [0; 4];
            for _ in 0..4 * N {
                let i = select! {
                    send(tx[3], n[3]) -> sent => { sent.unwrap(); 3 }
                    send(tx[2], n[2]) -> sent => { sent.unwrap(); 2 }
                    send(tx[0], n[0]) -> sent => { sent.unwrap(); 0 }
                    send(tx[1], n[1]) -> sent => { sent.unwrap(); 1 }
                };
                n[i] += 1;
                if n[i] == N {
                    tx[i] = None;
                }
            }
        }));
        let (theirs, total) = (ends.clone(), sum.clone());
        all.push(go(move || {
            let mut rx = theirs.each_ref().map(|end| Some(&end.1));
            let mut n = [0; 4];
            for _ in 0..4 * N {
                let (i, v) = select! {
                    recv(rx[0]) -> v => (0, v.unwrap()),
                    recv(rx[1]) -> v => (1, v.unwrap()),
                    recv(rx[2]) -> v => (2, v.unwrap()),
                    recv(rx[3]) -> v => (3, v.unwrap()),
                };
                total.fetch_add(v, Ordering::SeqCst);
                n[i] += 1;
                if n[i] == N {
                    rx[i] = None;
                }
            }
        }));
        all.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!(sum.load(Ordering::SeqCst), 8 * (N - 1) * N / 2);
    });
}

#[test]
fn what_was_there_before_a_close_is_found_at_once() {
    // After Go's TestNonblockRecvRace.
    on_every_runtime(2, || {
        for _ in 0..300 {
            let (tx, rx) = channel::<u32>(1);
            tx.send(1).unwrap();
            let theirs = rx.clone();
            let look = go(move || {
                select! {
                    recv(theirs) -> value => value,
                    default => panic!("the channel is not ready"),
                }
            });
            tx.close().unwrap();
            // Its value, or the receiver came after the close and takes what is left.
            assert_eq!(look.join().unwrap(), Ok(1));
        }
    });
}

#[test]
fn many_consumers_that_select_take_each_value_once() {
    // After Go's TestMultiConsumer.
    const WORKERS: usize = 23;
    const N: usize = 2000;
    on_every_runtime(4, || {
        let (feed, work) = channel::<usize>(WORKERS * 3);
        let (done, results) = channel::<usize>(WORKERS * 3);
        let (_keep, stop) = channel::<()>(0);
        for w in 0..WORKERS {
            let (work, done, stop) = (work.clone(), done.clone(), stop.clone());
            drop(go(move || {
                loop {
                    let v = select! {
                        recv(work) -> v => match v { Ok(v) => v, Err(_) => break },
                        recv(stop) -> _ => panic!("nobody stops it"),
                    };
                    if v % 7 == w % 7 {
                        yield_now();
                    }
                    done.send(v).unwrap();
                }
            }));
        }
        drop((work, done));
        let feeder = go(move || (0..N).for_each(|i| feed.send(i % 11 + 1).unwrap()));
        let got: Vec<usize> = results.iter().collect();
        assert_eq!(got.len(), N);
        assert_eq!(got.iter().sum::<usize>(), (0..N).map(|i| i % 11 + 1).sum());
        feeder.join().unwrap();
    });
}

#[test]
fn a_thread_and_a_goroutine_that_select_face_to_face_meet() {
    on_every_runtime(2, || {
        let (a, from_a) = channel::<usize>(0);
        let (b, from_b) = channel::<usize>(0);
        let thread = std::thread::spawn(move || {
            let (mut sent, mut got) = (0, 0);
            for i in 0..500 {
                select! {
                    send(a, i) -> ok => { ok.unwrap(); sent += i }
                    recv(from_b) -> value => got += value.unwrap(),
                }
            }
            (sent, got)
        });
        let (mut sent, mut got) = (0, 0);
        for i in 0..500 {
            select! {
                recv(from_a) -> value => got += value.unwrap(),
                send(b, i) -> ok => { ok.unwrap(); sent += i }
            }
        }
        assert_eq!(thread.join().unwrap(), (got, sent), "what one sent the other has received");
    });
}

#[test]
fn two_threads_that_select_face_to_face_meet() {
    common::bounded("two threads", || {
        let (a, from_a) = channel::<usize>(0);
        let (b, from_b) = channel::<usize>(0);
        let other = std::thread::spawn(move || {
            let mut sum = 0;
            for i in 0..2000 {
                select! {
                    recv(from_a) -> value => sum += value.unwrap(),
                    send(b, i) -> sent => { sent.unwrap(); sum += i }
                }
            }
            sum
        });
        let mut sum = 0;
        for i in 0..2000 {
            select! {
                send(a, i) -> sent => { sent.unwrap(); sum += i }
                recv(from_b) -> value => sum += value.unwrap(),
            }
        }
        assert_eq!(other.join().unwrap(), sum);
    });
}

#[test]
fn shutdown_ends_those_who_select_and_drops_their_values() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let start = Instant::now();
        let ended = kind.with_procs(procs).run_counted(|| {
            let (tx, rx) = channel(0);
            let (_words, silent) = channel::<u32>(0);
            let arrived = Arc::new(AtomicUsize::new(0));
            for i in 0..12 {
                let (tx, silent, arrived) = (tx.clone(), silent.clone(), arrived.clone());
                let (value, own) = (count.one(), count.one());
                drop(go(move || {
                    let _own = own;
                    arrived.fetch_add(1, Ordering::SeqCst);
                    if i % 2 == 0 {
                        select! {
                            send(tx, value) -> _ => panic!("nobody received"),
                            recv(silent) -> _ => panic!("nobody sent"),
                        }
                    } else {
                        select! {
                            recv(silent) -> _ => panic!("nobody sent"),
                            send(tx, value) -> _ => panic!("nobody received"),
                            default(Duration::from_secs(3600)) => panic!("an hour has gone"),
                        }
                    }
                }));
            }
            yield_until("they wait", || arrived.load(Ordering::SeqCst) == 12);
            (0..100).for_each(|_| yield_now());
            assert_eq!(count.dropped(), 0);
            // Kept: nobody closes the channels.
            (tx, rx, _words, silent)
        });
        let ended = ended.unwrap();
        assert_eq!(ended.left_behind, 0);
        drop(ended);
        count.assert_all_dropped(24);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    });
}

/// A function, a loop and a value around the arms.
fn through(rx: &Receiver<u32>, tx: &Sender<u32>) -> Result<Vec<u32>, RecvError> {
    let mut got = Vec::new();
    let last = loop {
        select! {
            recv(rx) -> value => {
                let value = value?;
                if value == 0 {
                    continue;
                }
                if value == 99 {
                    break value;
                }
                if value == 77 {
                    return Ok(got);
                }
                got.push(value);
            }
            send(tx, 1) -> _ => panic!("there is no room"),
        }
    };
    got.push(last);
    Ok(got)
}

#[test]
fn arms_leave_loops_and_functions() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(8);
        let (full, _keep) = channel::<u32>(1);
        full.send(0).unwrap();
        [3, 0, 4, 99].into_iter().for_each(|i| tx.send(i).unwrap());
        assert_eq!(through(&rx, &full), Ok(vec![3, 4, 99]));
        [5, 77].into_iter().for_each(|i| tx.send(i).unwrap());
        assert_eq!(through(&rx, &full), Ok(vec![5]));
        tx.send(6).unwrap();
        drop(tx);
        assert_eq!(through(&rx, &full), Err(RecvError), "by the question mark");
    });
}

#[test]
fn arms_are_written_in_all_the_ways_of_a_match() {
    on_goroutines_and_threads(|| {
        let chan: Arc<Chan<(u32, String), 1>> = Arc::new(Chan::new());
        let (tx, rx) = channel::<u32>(1);
        // Blocks without commas, with commas; expressions; a comma behind the last.
        select! {
            recv(rx,) -> _ => {}
            send(chan, (1, "a".to_owned()),) -> sent => { sent.unwrap() },
        }
        // A pattern that takes apart and is mutable, on a channel in place.
        let text = select! {
            recv(&chan) -> result => {
                let (n, mut text) = result.unwrap();
                text.push_str(&n.to_string());
                text
            }
            recv(&rx) -> _ => String::new(),
        };
        assert_eq!(text, "a1");
        tx.send(4).unwrap();
        let n = select! { recv(Some(rx.clone())) -> mut n => { n = n.map(|n| n + 1); n } };
        assert_eq!(n, Ok(5));
        // One in another: the names do not get into each other's way.
        tx.send(1).unwrap();
        let case = 10;
        let got = select! {
            recv(rx) -> outer => {
                tx.send(2).unwrap();
                select! {
                    recv(rx) -> inner => outer.unwrap() * case + inner.unwrap(),
                    default => panic!("a value was there"),
                }
            }
        };
        assert_eq!(got, 12);
    });
}

#[test]
fn ends_and_values_are_evaluated_once_and_in_order() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<usize>(1);
        let order = std::cell::RefCell::new(Vec::new());
        let note = |n| order.borrow_mut().push(n);
        select! {
            recv({ note(1); &rx }) -> _ => panic!("it is empty"),
            send({ note(2); Some(&tx).filter(|_| false) }, { note(3); 1 }) -> _ => panic!("no channel"),
            send({ note(4); &tx }, { note(5); 2 }) -> sent => sent.unwrap(),
        }
        assert_eq!(*order.borrow(), [1, 2, 3, 4, 5]);
        assert_eq!(rx.recv(), Ok(2));
    });
}

#[test]
fn an_arm_may_put_its_own_end_out_of_use() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(4);
        let (other, from_other) = channel::<u32>(4);
        (0..3).for_each(|i| tx.send(i).unwrap());
        (10..13).for_each(|i| other.send(i).unwrap());
        drop((tx, other));
        let (mut a, mut b) = (Some(rx), Some(from_other));
        let mut got = Vec::new();
        while a.is_some() || b.is_some() {
            select! {
                recv(a) -> value => match value { Ok(v) => got.push(v), Err(_) => a = None },
                recv(b) -> value => match value { Ok(v) => got.push(v), Err(_) => b = None },
            }
        }
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2, 10, 11, 12]);
    });
}

#[test]
fn a_hundred_cases_are_chosen_from_as_they_become_ready() {
    on_goroutines_and_threads(|| {
        let ends: Vec<(Sender<usize>, Receiver<usize>)> =
            (0..100).map(|i| channel(i % 3)).collect();
        let senders: Vec<_> = ends.iter().map(|end| end.0.clone()).collect();
        let thread = std::thread::spawn(move || {
            (0..500).for_each(|i| senders[i * 37 % 100].send(i).unwrap());
        });
        let mut cases: Vec<_> = ends.iter().map(|end| end.1.on_recv()).collect();
        let mut seen = [false; 500];
        for _ in 0..500 {
            let mut list: Vec<_> =
                cases.iter_mut().map(|case| case as &mut dyn Case<Hosted>).collect();
            generic::select(&mut list);
            let mut taken =
                cases.iter_mut().enumerate().filter_map(|(at, c)| Some((at, c.take()?)));
            let (at, value) = taken.next().expect("one is done");
            let value = value.unwrap();
            assert!(at == value * 37 % 100 && !seen[value], "the value of its channel, once");
            seen[value] = true;
            assert!(taken.next().is_none(), "and no other");
        }
        thread.join().unwrap();
        let mut list: Vec<_> = cases.iter_mut().map(|case| case as &mut dyn Case<Hosted>).collect();
        assert!(!generic::try_select(&mut list));
        assert!(!generic::select_timeout(&mut list, Duration::from_millis(1)));
        let past = g0_sched::Instant::from_nanos(0);
        assert!(!generic::select_deadline(&mut list, past));
    });
}

#[test]
fn an_outcome_that_was_not_taken_is_in_the_way_of_the_next() {
    on_goroutines_and_threads(|| {
        let count = Count::new();
        let (tx, rx) = channel(2);
        tx.send(count.one()).ok().unwrap();
        tx.send(count.one()).ok().unwrap();
        let mut case = rx.on_recv();
        assert!(generic::try_select::<Hosted>(&mut [&mut case]));
        let text = panic_text(|| generic::select::<Hosted>(&mut [&mut case]));
        assert!(text.contains("still holds the outcome of an earlier one"), "{text}");
        let text = panic_text(|| generic::try_select::<Hosted>(&mut [&mut case]));
        assert!(text.contains("take it first"), "{text}");
        drop(case.take().unwrap().ok().unwrap());
        assert!(case.take().is_none(), "it has been taken");
        // Then it may be used again; what is not taken at the end is dropped with the case.
        assert!(generic::try_select::<Hosted>(&mut [&mut case]));
        assert_eq!(count.dropped(), 1);
        drop(case);
        count.assert_all_dropped(2);
        // A send is spent when it has been taken.
        let mut case = tx.on_send(count.one());
        assert!(generic::try_select::<Hosted>(&mut [&mut case]));
        assert!(case.take().unwrap().is_ok() && case.take().is_none());
        assert!(!generic::try_select::<Hosted>(&mut [&mut case]), "it has no value any more");
        drop(case);
        assert_eq!(count.dropped(), 2);
        drop((tx, rx));
        count.assert_all_dropped(3);
    });
}
