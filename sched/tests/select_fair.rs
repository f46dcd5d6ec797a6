//! Select is fair: of several arms that are ready each has the same chance.
//!
//! The bounds are six standard deviations and more: they fail once in millions of runs of a fair
//! choice, and at once for one that prefers an arm.

mod common;

use common::{on_every_runtime, on_goroutines_and_threads};
use g0_sched::generic::{self, Case, OnRecv};
use g0_sched::{Chan, Hosted, Receiver, Sender, channel, go, select};

/// Each of `counts` is as often as `1 / counts.len()` says, within six standard deviations.
#[track_caller]
fn assert_even(what: &str, counts: &[u32]) {
    let n = f64::from(counts.iter().sum::<u32>());
    let p = 1.0 / counts.len() as f64;
    let bound = 6.0 * (n * p * (1.0 - p)).sqrt();
    let even = counts.iter().all(|&count| (f64::from(count) - n * p).abs() < bound);
    assert!(even, "{what}: {counts:?}, each expected within {bound:.0} of {:.0}", n * p);
}

#[test]
fn each_arm_that_is_ready_has_the_same_chance() {
    on_goroutines_and_threads(|| {
        let closed: Vec<Receiver<u32>> = (0..4).map(|_| channel(0).1).collect();
        let mut two = [0; 2];
        let mut three = [0; 3];
        let mut four = [0; 4];
        for _ in 0..4000 {
            select! {
                recv(closed[0]) -> _ => two[0] += 1,
                recv(closed[1]) -> _ => two[1] += 1,
            }
            select! {
                recv(closed[2]) -> _ => three[0] += 1,
                recv(closed[1]) -> _ => three[1] += 1,
                recv(closed[0]) -> _ => three[2] += 1,
            }
            select! {
                recv(closed[0]) -> _ => four[0] += 1,
                recv(closed[1]) -> _ => four[1] += 1,
                recv(closed[2]) -> _ => four[2] += 1,
                recv(closed[3]) -> _ => four[3] += 1,
            }
        }
        assert_even("two arms", &two);
        assert_even("three arms", &three);
        assert_even("four arms", &four);
    });
}

#[test]
fn arms_that_are_not_ready_take_no_part() {
    on_goroutines_and_threads(|| {
        let closed: Vec<Receiver<u32>> = (0..3).map(|_| channel(0).1).collect();
        let (_open, silent) = channel::<u32>(0);
        let mut counts = [0; 3];
        for _ in 0..3000 {
            select! {
                recv(closed[0]) -> _ => counts[0] += 1,
                recv(silent) -> _ => panic!("nothing was sent"),
                recv(closed[1]) -> _ => counts[1] += 1,
                recv(None::<Receiver<u32>>) -> _ => panic!("no channel"),
                recv(closed[2]) -> _ => counts[2] += 1,
            }
        }
        assert_even("three of five", &counts);
    });
}

#[test]
fn the_arms_of_one_channel_have_the_same_chance_as_others() {
    on_goroutines_and_threads(|| {
        let chan: Chan<u32, 1> = Chan::new();
        let mut counts = [0; 3];
        for i in 0..3000 {
            select! {
                send(chan, 0) -> sent => sent.unwrap(),
                send(chan, 1) -> sent => sent.unwrap(),
                send(chan, 2) -> sent => sent.unwrap(),
            }
            counts[chan.recv().unwrap() as usize] += 1;
            assert!(chan.is_empty(), "one value a round, in round {i}");
        }
        assert_even("three sends on one channel", &counts);
    });
}

#[test]
fn twenty_cases_have_the_same_chance() {
    on_goroutines_and_threads(|| {
        let closed: Vec<Receiver<u32>> = (0..20).map(|_| channel(0).1).collect();
        let mut cases: Vec<_> = closed.iter().map(|rx| rx.on_recv()).collect();
        let mut counts = [0; 20];
        for _ in 0..8000 {
            let mut list: Vec<_> = cases.iter_mut().map(|c| c as &mut dyn Case<Hosted>).collect();
            assert!(generic::try_select(&mut list));
            let at = cases.iter_mut().position(|case| case.take().is_some());
            counts[at.expect("one is done")] += 1;
        }
        assert_even("twenty", &counts);
    });
}

#[test]
fn bits_sent_by_a_select_look_random() {
    // After Go's TestPseudoRandomSend.
    const N: usize = 1000;
    for capacity in [0, 1] {
        on_every_runtime(2, move || {
            let (tx, rx) = channel::<u8>(capacity);
            let receiver = go(move || rx.iter().take(N).collect::<Vec<u8>>());
            for _ in 0..N {
                select! {
                    send(tx, 0) -> sent => sent.unwrap(),
                    send(tx, 1) -> sent => sent.unwrap(),
                }
            }
            let bits = receiver.join().unwrap();
            let ones = bits.iter().map(|bit| u32::from(*bit)).sum::<u32>();
            let changes = bits.windows(2).filter(|pair| pair[0] != pair[1]).count() as u32;
            assert_even("zeros and ones", &[N as u32 - ones, ones]);
            assert_even("changes and none", &[N as u32 - 1 - changes, changes]);
        });
    }
}

#[test]
fn two_streams_that_are_always_ready_are_both_heard() {
    // After Go's TestSelectFairness: two full buffers and a partner for each.
    const N: u32 = 4000;
    on_every_runtime(2, || {
        let fill = || {
            let (tx, rx) = channel::<u8>(N as usize + 1);
            (0..=N).for_each(|_| tx.send(0).unwrap());
            (tx, rx)
        };
        let ((_one, from_one), (_two, from_two)) = (fill(), fill());
        let (out_one, heard_one): (Sender<u8>, Receiver<u8>) = channel(0);
        let (out_two, heard_two): (Sender<u8>, Receiver<u8>) = channel(0);
        let (stop, stopped) = channel::<()>(0);
        let between = go(move || {
            loop {
                // From one of two to one of two.
                let (byte, first) = select! {
                    recv(from_one) -> byte => (byte.unwrap(), true),
                    recv(from_two) -> byte => (byte.unwrap(), false),
                };
                let out = if first { &out_one } else { &out_two };
                select! {
                    send(out, byte) -> sent => sent.unwrap(),
                    recv(stopped) -> _ => return,
                }
            }
        });
        let mut counts = [0; 2];
        for _ in 0..N {
            select! {
                recv(heard_one) -> byte => counts[byte.unwrap() as usize] += 1,
                recv(heard_two) -> byte => counts[1 + byte.unwrap() as usize] += 1,
            }
        }
        drop(stop);
        between.join().unwrap();
        assert_even("two streams", &counts);
    });
}
