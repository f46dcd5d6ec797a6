//! Channels with deadlines: nothing is early, nothing is lost, and no value is in two places.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use common::count::Count;
use common::{on_each_kind, on_every_runtime, on_goroutines_and_threads, yield_until};
use g0_sched::{
    Instant, RecvTimeoutError, SendTimeoutError, TryRecvError, channel, go, sleep, yield_now,
};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_length_of_zero_asks_once() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(1);
        assert_eq!(rx.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
        assert!(tx.send_timeout(1, Duration::ZERO).is_ok());
        assert!(tx.send_timeout(2, Duration::ZERO) == Err(SendTimeoutError::Timeout(2)));
        assert_eq!(rx.recv_timeout(Duration::ZERO), Ok(1));
        tx.close().unwrap();
        assert!(tx.send_timeout(3, Duration::ZERO) == Err(SendTimeoutError::Disconnected(3)));
        assert_eq!(rx.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Disconnected));
        // Without a buffer: nobody is there.
        let (tx, rx) = channel::<u32>(0);
        assert!(tx.send_timeout(4, Duration::ZERO) == Err(SendTimeoutError::Timeout(4)));
        assert_eq!(rx.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    });
}

#[test]
fn a_length_of_zero_meets_a_partner_who_waits() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(0);
        let waits = go({
            let rx = rx.clone();
            move || rx.recv().unwrap()
        });
        yield_until("it waits", || tx.send_timeout(7, Duration::ZERO).is_ok());
        assert_eq!(waits.join().unwrap(), 7);
        let waits = go(move || tx.send(8).unwrap());
        yield_until("it waits", || match rx.recv_timeout(Duration::ZERO) {
            Ok(value) => value == 8,
            Err(error) => error == RecvTimeoutError::Disconnected,
        });
        waits.join().unwrap();
    });
}

#[test]
fn a_deadline_that_has_passed_asks_once() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(1);
        for past in [Instant::from_nanos(0), Instant::now()] {
            assert_eq!(rx.recv_deadline(past), Err(RecvTimeoutError::Timeout));
            assert!(tx.send_deadline(1, past).is_ok(), "there was room");
            assert!(tx.send_deadline(2, past) == Err(SendTimeoutError::Timeout(2)));
            assert_eq!(rx.recv_deadline(past), Ok(1));
        }
    });
}

#[test]
fn the_end_of_time_never_comes() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(0);
        let thread = std::thread::spawn(move || {
            for i in 0..4 {
                std::thread::sleep(Duration::from_millis(1));
                tx.send(i).unwrap();
            }
        });
        assert_eq!(rx.recv_timeout(Duration::MAX), Ok(0));
        assert_eq!(rx.recv_deadline(Instant::END), Ok(1));
        assert_eq!(rx.recv_deadline(Instant::now() + Duration::MAX), Ok(2));
        assert_eq!(rx.recv_timeout(Duration::from_nanos(u64::MAX)), Ok(3));
        thread.join().unwrap();
        let (tx, rx) = channel::<u32>(0);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(1));
            rx.iter().sum::<u32>()
        });
        assert!(tx.send_timeout(1, Duration::MAX).is_ok());
        assert!(tx.send_deadline(2, Instant::END).is_ok());
        drop(tx);
        assert_eq!(thread.join().unwrap(), 3);
    });
}

#[test]
fn no_wait_ends_before_its_time() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(1);
        for micros in [1, 20, 300, 3000] {
            let length = Duration::from_micros(micros);
            let start = Instant::now();
            assert_eq!(rx.recv_timeout(length), Err(RecvTimeoutError::Timeout));
            assert!(start.elapsed() >= length, "early: {:?} of {length:?}", start.elapsed());
            let deadline = Instant::now() + length;
            assert_eq!(rx.recv_deadline(deadline), Err(RecvTimeoutError::Timeout));
            assert!(Instant::now() >= deadline, "early");
            tx.send(1).unwrap();
            let start = Instant::now();
            assert!(tx.send_timeout(2, length) == Err(SendTimeoutError::Timeout(2)));
            assert!(start.elapsed() >= length, "early: {:?} of {length:?}", start.elapsed());
            assert_eq!(rx.recv(), Ok(1));
        }
    });
}

#[test]
fn a_value_that_comes_in_time_ends_the_wait() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(0);
        let (back, returned) = channel::<u32>(0);
        let there = go(move || {
            while let Ok(value) = rx.recv_timeout(HOUR) {
                back.send_timeout(value + 1, HOUR).unwrap();
            }
        });
        let start = Instant::now();
        for i in 0..200 {
            tx.send_timeout(i, HOUR).unwrap();
            assert_eq!(returned.recv_timeout(HOUR), Ok(i + 1));
        }
        drop(tx);
        there.join().unwrap();
        assert!(start.elapsed() < Duration::from_secs(30), "somebody slept");
    });
}

#[test]
fn a_thread_and_a_goroutine_wait_for_each_other_in_time() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(0);
        let thread = std::thread::spawn(move || {
            let (mut got, mut late) = (Vec::new(), 0);
            loop {
                match rx.recv_timeout(Duration::from_micros(200)) {
                    Ok(value) => got.push(value),
                    Err(RecvTimeoutError::Timeout) => late += 1,
                    Err(RecvTimeoutError::Disconnected) => return (got, late),
                }
            }
        });
        for i in 0..20 {
            sleep(Duration::from_micros(50 * u64::from(i)));
            let mut value = i;
            while let Err(SendTimeoutError::Timeout(back)) =
                tx.send_timeout(value, Duration::from_micros(20))
            {
                value = back;
            }
        }
        drop(tx);
        let (got, late) = thread.join().unwrap();
        assert!(got.into_iter().eq(0..20) && late > 0, "{late} timeouts");
    });
}

/// Sends with short patience and receives with short patience: what was sent is received or comes
/// back, whoever is first.
fn race(capacity: usize, threads: bool) {
    const EACH: u64 = 300;
    const PAIRS: u64 = 3;
    let (tx, rx) = channel(capacity);
    let count = Count::new();
    let totals: Arc<[AtomicU64; 3]> = Arc::default();
    let (sent, back, got) = (0, 1, 2);
    let mut goroutines = Vec::new();
    let mut others = Vec::new();
    let patience = |i: u64| Duration::from_nanos(1 + i * 7919 % 60_000);
    for s in 0..PAIRS {
        let (tx, count, theirs) = (tx.clone(), count.clone(), totals.clone());
        let sender = move || {
            for i in 0..EACH {
                let value = (s * EACH + i + 1, count.one());
                let number = value.0;
                let at = match tx.send_timeout(value, patience(number)) {
                    Ok(()) => sent,
                    Err(SendTimeoutError::Timeout((same, _))) => {
                        assert_eq!(same, number, "somebody else's value");
                        back
                    }
                    Err(SendTimeoutError::Disconnected(_)) => panic!("nobody closed it"),
                };
                theirs[at].fetch_add(number, Ordering::SeqCst);
            }
        };
        let (rx, theirs) = (rx.clone(), totals.clone());
        let receiver = move || {
            for i in 0.. {
                match rx.recv_timeout(patience(i)) {
                    Ok((number, _)) => drop(theirs[got].fetch_add(number, Ordering::SeqCst)),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        if threads && s == 0 {
            others.push(std::thread::spawn(sender));
            others.push(std::thread::spawn(receiver));
        } else {
            goroutines.push(go(sender));
            goroutines.push(go(receiver));
        }
    }
    drop((tx, rx));
    goroutines.into_iter().for_each(|h| h.join().unwrap());
    others.into_iter().for_each(|t| t.join().unwrap());
    let [sent, back, got] = [sent, back, got].map(|at: usize| totals[at].load(Ordering::SeqCst));
    let all = EACH * PAIRS;
    assert_eq!(sent, got, "what was sent was received");
    assert_eq!(sent + back, all * (all + 1) / 2, "what was not sent came back");
    count.assert_all_dropped(all as usize);
}

#[test]
fn a_value_whose_time_runs_out_is_received_or_comes_back() {
    for capacity in [0, 1] {
        on_every_runtime(2, move || race(capacity, false));
    }
}

#[test]
fn threads_race_with_goroutines_and_with_time() {
    for capacity in [0, 2] {
        on_every_runtime(2, move || race(capacity, true));
    }
}

#[test]
fn who_has_timed_out_is_skipped_by_those_who_wake() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(0);
        for round in 0..20 {
            let arrived = Arc::new(AtomicUsize::new(0));
            // Some time out; who stands behind and between them waits for as long as it takes.
            let waits: Vec<_> = (0..6)
                .map(|i| {
                    let (rx, arrived) = (rx.clone(), arrived.clone());
                    go(move || {
                        arrived.fetch_add(1, Ordering::SeqCst);
                        match i % 3 {
                            2 => rx.recv_timeout(HOUR).ok(),
                            _ => rx.recv_timeout(Duration::from_micros(100)).ok(),
                        }
                    })
                })
                .collect();
            yield_until("all are there", || arrived.load(Ordering::SeqCst) == 6);
            sleep(Duration::from_micros(if round % 2 == 0 { 400 } else { 100 }));
            let mut sent = 0;
            yield_until("the patient ones have theirs", || {
                sent += u32::from(tx.try_send(1).is_ok());
                waits[2].is_finished() && waits[5].is_finished()
            });
            let got: u32 = waits.into_iter().filter_map(|wait| wait.join().unwrap()).sum();
            assert_eq!(got, sent, "in round {round}");
        }
    });
}

#[test]
fn a_sender_that_has_timed_out_leaves_nothing_behind() {
    on_every_runtime(2, || {
        let count = Count::new();
        let (tx, rx) = channel(0);
        for _ in 0..20 {
            let value = match tx.send_timeout(count.one(), Duration::from_micros(50)) {
                Err(SendTimeoutError::Timeout(value)) => value,
                _ => panic!("nobody received"),
            };
            let sender = go({
                let tx = tx.clone();
                move || tx.send(value).ok().unwrap()
            });
            drop(rx.recv().ok().unwrap());
            sender.join().unwrap();
            assert!(matches!(rx.try_recv(), Err(TryRecvError::Empty)), "the same value again");
        }
        count.assert_all_dropped(20);
    });
}

#[test]
fn a_close_ends_waits_before_their_time() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<String>(0);
        let start = Instant::now();
        let arrived = Arc::new(AtomicUsize::new(0));
        let receivers: Vec<_> = (0..6)
            .map(|_| {
                let (rx, arrived) = (rx.clone(), arrived.clone());
                go(move || {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    rx.recv_timeout(HOUR)
                })
            })
            .collect();
        let thread = std::thread::spawn(move || rx.recv_timeout(HOUR));
        yield_until("they wait", || arrived.load(Ordering::SeqCst) == 6);
        sleep(Duration::from_millis(1));
        drop(tx);
        for receiver in receivers {
            assert_eq!(receiver.join().unwrap(), Err(RecvTimeoutError::Disconnected));
        }
        assert_eq!(thread.join().unwrap(), Err(RecvTimeoutError::Disconnected));
        assert!(start.elapsed() < Duration::from_secs(30), "they slept on");
    });
}

#[test]
fn a_channel_that_goes_gives_back_what_waits_and_drops_what_it_holds() {
    on_every_runtime(2, || {
        let count = Count::new();
        let (tx, rx) = channel(2);
        tx.send((0, count.one())).ok().unwrap();
        tx.send((0, count.one())).ok().unwrap();
        let arrived = Arc::new(AtomicUsize::new(0));
        let senders: Vec<_> = (1..=6)
            .map(|i| {
                let (tx, value, arrived) = (tx.clone(), (i, count.one()), arrived.clone());
                go(move || {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    let error = if i % 2 == 0 {
                        tx.send_timeout(value, HOUR).unwrap_err().into_inner()
                    } else {
                        tx.send(value).unwrap_err().into_inner()
                    };
                    assert_eq!(error.0, i, "its own value");
                })
            })
            .collect();
        drop(tx);
        yield_until("they wait", || arrived.load(Ordering::SeqCst) == 6);
        (0..20).for_each(|_| yield_now());
        assert_eq!(count.dropped(), 0);
        drop(rx);
        senders.into_iter().for_each(|h| h.join().unwrap());
        count.assert_all_dropped(8);
    });
}

#[test]
fn shutdown_ends_waits_with_deadlines_at_once() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let start = std::time::Instant::now();
        let ended = kind.with_procs(procs).run_counted(|| {
            let (tx, rx) = channel::<u32>(0);
            let (full, held) = channel(1);
            full.send(count.one()).ok().unwrap();
            let arrived = Arc::new(AtomicUsize::new(0));
            for i in 0..30 {
                let (rx, full, arrived) = (rx.clone(), full.clone(), arrived.clone());
                let value = count.one();
                drop(go(move || {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    match i % 3 {
                        0 => drop((rx.recv_timeout(HOUR).ok().unwrap(), value)),
                        1 => full.send_timeout(value, HOUR).ok().unwrap(),
                        _ => full.send_deadline(value, Instant::END).ok().unwrap(),
                    }
                }));
            }
            yield_until("they wait", || arrived.load(Ordering::SeqCst) == 30);
            (0..100).for_each(|_| yield_now());
            // Kept: nobody closes the channels.
            (tx, rx, full, held)
        });
        let ended = ended.unwrap();
        assert_eq!(ended.left_behind, 0);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        drop(ended);
        count.assert_all_dropped(31);
    });
}

#[test]
fn waits_that_are_ended_by_shutdown_and_by_time_at_once_end_once() {
    on_each_kind(|kind, procs| {
        for round in 0..10u64 {
            let count = Count::new();
            let ended = kind.with_procs(procs).run_counted(|| {
                let (tx, rx) = channel(0);
                for i in 0..40 {
                    let (tx, rx, value) = (tx.clone(), rx.clone(), count.one());
                    drop(go(move || {
                        let length = Duration::from_micros(100 + (i + round) % 7 * 20);
                        match i % 2 {
                            0 => drop((rx.recv_timeout(length), value)),
                            _ => drop(tx.send_timeout(value, length)),
                        }
                    }));
                }
                sleep(Duration::from_micros(60 + round * 20));
                (tx, rx)
            });
            let ended = ended.unwrap();
            assert_eq!(ended.left_behind, 0);
            drop(ended);
            count.assert_all_dropped(40);
        }
    });
}

#[test]
fn errors_say_what_happened_and_give_the_value_back() {
    let late = SendTimeoutError::Timeout(5);
    assert_eq!(late.to_string(), "sending timed out: the channel is full");
    assert_eq!(late.into_inner(), 5);
    let closed = SendTimeoutError::Disconnected(6);
    assert_eq!(closed.to_string(), "sending on a closed channel");
    assert_eq!(closed.into_inner(), 6);
    assert!(RecvTimeoutError::Timeout.to_string().contains("timed out"));
    assert!(RecvTimeoutError::Disconnected.to_string().contains("closed"));
}
