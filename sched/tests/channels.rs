//! Channels and wait groups: order, room, closing.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{on_each_kind, on_every_runtime, on_goroutines_and_threads, yield_until};
use g0_sched::{
    Chan, CloseError, RecvError, SendError, TryRecvError, TrySendError, WaitGroup, channel, go,
    yield_now,
};

#[test]
fn values_arrive_in_the_order_in_which_they_were_sent() {
    for capacity in [0, 1, 7, 1000] {
        on_every_runtime(2, move || {
            let (tx, rx) = channel::<usize>(capacity);
            let sender = go(move || (0..500).for_each(|i| tx.send(i).unwrap()));
            let got: Vec<usize> = rx.iter().collect();
            assert!(got.into_iter().eq(0..500), "capacity {capacity}");
            sender.join().unwrap();
        });
    }
}

#[test]
fn those_who_wait_are_served_in_order() {
    on_every_runtime(1, || {
        // On one P a goroutine that has come to its receive waits there, unless it was evicted
        // just before, which a busy machine may do: then another round tells.
        let round = || {
            let (tx, rx) = channel::<usize>(0);
            let arrived = Arc::new(AtomicUsize::new(0));
            let receivers: Vec<_> = (0..8usize)
                .map(|i| {
                    let (rx, counted) = (rx.clone(), arrived.clone());
                    let receiver = go(move || {
                        counted.fetch_add(1, Ordering::SeqCst);
                        rx.recv().unwrap()
                    });
                    yield_until("it waits", || arrived.load(Ordering::SeqCst) == i + 1);
                    receiver
                })
                .collect();
            (0..8).for_each(|i| tx.send(i).unwrap());
            let got: Vec<usize> = receivers.into_iter().map(|h| h.join().unwrap()).collect();
            got.into_iter().eq(0..8)
        };
        assert!((0..20).any(|_| round()), "receivers were served out of order every time");
    });
}

#[test]
fn an_unbuffered_send_waits_for_its_receiver() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(0);
        let sent = Arc::new(AtomicUsize::new(0));
        let theirs = sent.clone();
        let sender = go(move || {
            for i in 0..20 {
                tx.send(i).unwrap();
                theirs.store(i as usize + 1, Ordering::SeqCst);
            }
        });
        for i in 0..20 {
            (0..5).for_each(|_| yield_now());
            assert!(sent.load(Ordering::SeqCst) <= i as usize, "sent before it was received");
            assert_eq!(rx.recv(), Ok(i));
        }
        sender.join().unwrap();
    });
}

#[test]
fn a_buffer_takes_as_many_as_it_has_room_for() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(3);
        (0..3).for_each(|i| tx.try_send(i).unwrap());
        assert_eq!(tx.len(), 3);
        assert!(tx.try_send(3) == Err(TrySendError::Full(3)));
        assert_eq!(rx.try_recv(), Ok(0));
        assert!(tx.try_send(4).is_ok());
        assert!([1, 2, 4].into_iter().eq((0..3).map(|_| rx.recv().unwrap())));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert!(rx.is_empty());
        drop(tx);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(rx.recv(), Err(RecvError));

        let (tx, rx) = channel::<u32>(0);
        assert!(tx.try_send(1) == Err(TrySendError::Full(1)));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        let receiver = {
            let rx = rx.clone();
            go(move || rx.recv())
        };
        yield_until("the receiver waits", || tx.try_send(2).is_ok());
        assert_eq!(receiver.join().unwrap(), Ok(2));
    });
}

#[test]
fn what_is_buffered_outlives_the_close() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<u32>(4);
        (0..4).for_each(|i| tx.send(i).unwrap());
        tx.close().unwrap();
        assert!(tx.send(9) == Err(SendError(9)), "the value comes back");
        assert!(rx.iter().eq(0..4));
    });
}

#[test]
fn a_close_wakes_all_who_wait() {
    on_every_runtime(2, || {
        let (tx, rx) = channel::<String>(0);
        let waiting = Arc::new(AtomicUsize::new(0));
        let receivers: Vec<_> = (0..10)
            .map(|_| {
                let (rx, waiting) = (rx.clone(), waiting.clone());
                go(move || {
                    waiting.fetch_add(1, Ordering::SeqCst);
                    rx.recv()
                })
            })
            .collect();
        yield_until("they wait", || waiting.load(Ordering::SeqCst) == 10);
        tx.close().unwrap();
        for receiver in receivers {
            assert_eq!(receiver.join().unwrap(), Err(RecvError));
        }

        let (tx, rx) = channel::<String>(0);
        let senders: Vec<_> = (0..10)
            .map(|i| {
                let (tx, waiting) = (tx.clone(), waiting.clone());
                go(move || {
                    waiting.fetch_add(1, Ordering::SeqCst);
                    tx.send(i.to_string())
                })
            })
            .collect();
        yield_until("they wait", || waiting.load(Ordering::SeqCst) == 20);
        drop(rx);
        for (i, sender) in senders.into_iter().enumerate() {
            assert!(sender.join().unwrap() == Err(SendError(i.to_string())), "its own value");
        }
    });
}

#[test]
fn a_channel_may_lie_in_place() {
    static CHAN: Chan<u32, 2> = Chan::new();
    let chan: Chan<u32, 0> = Chan::new();
    let chan = Arc::new(chan);
    on_each_kind(move |kind, procs| {
        let chan = chan.clone();
        kind.with_procs(procs)
            .run(move || {
                let theirs = chan.clone();
                let sender = go(move || {
                    (0..50).for_each(|i| theirs.send(i).unwrap());
                    (0..50).for_each(|i| CHAN.send(i).unwrap());
                });
                assert!((0..50).eq((0..50).map(|_| chan.recv().unwrap())));
                assert!((0..50).eq((0..50).map(|_| CHAN.recv().unwrap())));
                sender.join().unwrap();
            })
            .unwrap();
    });
}

#[test]
fn a_wait_group_waits_for_the_last() {
    on_every_runtime(2, || {
        let group = Arc::new(WaitGroup::new());
        group.wait();
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..3 {
            group.add(20);
            for _ in 0..20 {
                let (group, done) = (group.clone(), done.clone());
                drop(go(move || {
                    yield_now();
                    done.fetch_add(1, Ordering::SeqCst);
                    group.done();
                }));
            }
            let waiters: Vec<_> = (0..3)
                .map(|_| {
                    let (group, done) = (group.clone(), done.clone());
                    go(move || {
                        group.wait();
                        done.load(Ordering::SeqCst)
                    })
                })
                .collect();
            group.wait();
            let seen = done.load(Ordering::SeqCst);
            assert_eq!(seen % 20, 0);
            for waiter in waiters {
                assert_eq!(waiter.join().unwrap(), seen);
            }
        }
    });
}

#[test]
fn iterators_end_with_the_channel_or_with_what_is_there() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(8);
        assert_eq!(rx.try_iter().next(), None, "it does not wait");
        (0..3).for_each(|i| tx.send(i).unwrap());
        let mut there = rx.try_iter();
        assert!(there.by_ref().eq(0..3));
        tx.send(3).unwrap();
        assert_eq!(there.next(), Some(3), "more has come");
        assert_eq!(there.next(), None);
        (4..8).for_each(|i| tx.send(i).unwrap());
        assert!((&rx).into_iter().take(2).eq(4..6), "by reference: the end is kept");
        drop(tx);
        let mut owned = rx.into_iter();
        assert!(owned.by_ref().eq(6..8));
        assert_eq!(owned.next(), None);
    });
}

#[test]
fn an_iterator_that_owns_the_receiver_closes_the_channel_with_itself() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(2);
        (0..2).for_each(|i| tx.send(i).unwrap());
        let mut got = 0;
        for value in rx {
            got += 1;
            if value == 0 {
                break;
            }
        }
        assert_eq!(got, 1);
        assert!(tx.try_send(2) == Err(TrySendError::Disconnected(2)));
    });
}

#[test]
fn ends_know_their_channel_its_room_and_what_is_in_it() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(2);
        let (other, _from_other) = channel::<u32>(2);
        assert!(tx.same_channel(&tx.clone()) && !tx.same_channel(&other));
        assert!(rx.same_channel(&rx.clone()));
        assert_eq!((tx.capacity(), rx.capacity()), (2, 2));
        let seen = |tx: &g0_sched::Sender<u32>| (tx.len(), tx.is_empty(), tx.is_full());
        assert_eq!(seen(&tx), (0, true, false));
        tx.send(1).unwrap();
        assert_eq!(seen(&tx), (1, false, false));
        tx.send(2).unwrap();
        assert_eq!(seen(&tx), (2, false, true));
        assert_eq!((rx.len(), rx.is_empty(), rx.is_full()), (2, false, true));
        // A close takes nothing away.
        rx.close().unwrap();
        assert_eq!((rx.len(), rx.capacity()), (2, 2));
        let (tx, rx) = channel::<u32>(0);
        assert_eq!((tx.capacity(), tx.is_full(), rx.is_empty()), (0, true, true));
        let chan: Chan<u32, 1> = Chan::default();
        chan.send(1).unwrap();
        assert_eq!((chan.len(), chan.capacity(), chan.is_full()), (1, 1, true));
    });
}

#[test]
fn a_closed_channel_gives_what_it_holds_and_then_says_so_for_ever() {
    on_goroutines_and_threads(|| {
        let (tx, rx) = channel::<u32>(3);
        (0..3).for_each(|i| tx.send(i).unwrap());
        assert_eq!(rx.close(), Ok(()));
        assert_eq!((tx.close(), rx.close()), (Err(CloseError), Err(CloseError)));
        assert_eq!((rx.recv(), rx.try_recv()), (Ok(0), Ok(1)));
        assert_eq!((rx.len(), rx.recv()), (1, Ok(2)));
        for _ in 0..3 {
            assert_eq!(rx.recv(), Err(RecvError));
            assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
            assert_eq!(rx.iter().next(), None);
            assert!(tx.send(9) == Err(SendError(9)));
        }
        // In place, too.
        let chan: Chan<u32, 1> = Chan::new();
        chan.send(1).unwrap();
        assert_eq!((chan.close(), chan.close()), (Ok(()), Err(CloseError)));
        assert_eq!((chan.recv(), chan.recv()), (Ok(1), Err(RecvError)));
    });
}
