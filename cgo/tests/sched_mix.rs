//! Everything at once: goroutines that lock, call, are called back, panic, start goroutines and talk.

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{on_every_runtime, panic_text, quiet_panic, tid, yield_until};
use g0_cgo::{call, call_blocking, callback};
use g0_sched::{
    Receiver, Sender, channel, current, go, lock_os_thread, os_thread_locked, park, scope,
    unlock_os_thread, yield_now,
};

/// A generator for one goroutine; the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A server that adds one, reached by channels.
#[derive(Clone)]
struct Server {
    ask: Sender<(u64, Sender<u64>)>,
}

impl Server {
    fn plus_one(&self, value: u64) -> u64 {
        let (answer, answered) = channel(1);
        self.ask.send((value, answer)).expect("the server is there");
        answered.recv().expect("an answer")
    }
}

fn serve(asked: Receiver<(u64, Sender<u64>)>) {
    for (value, answer) in &asked {
        answer.send(value + 1).expect("somebody waits for it");
    }
}

/// One step of a worker; what it returns is known beforehand.
fn step(random: &mut Random, server: &Server) -> u64 {
    match random.below(12) {
        0 => yield_now(),
        1 => return server.plus_one(0),
        2 => {
            lock_os_thread();
            let mine = tid();
            (0..random.below(4)).for_each(|_| yield_now());
            let answer = server.plus_one(0);
            assert_eq!(tid(), mine);
            unlock_os_thread();
            return answer;
        }
        3 => return call(|| 1),
        4 => call(|| std::thread::sleep(Duration::from_micros(50))),
        5 => call_blocking(|| std::thread::sleep(Duration::from_micros(20))),
        6 => {
            let server = server.clone();
            return call(|| {
                let mine = tid();
                let one = callback(0, || server.plus_one(0));
                assert_eq!(tid(), mine);
                one
            });
        }
        7 => return call(|| callback(0, || call(|| callback(0, || go(|| 1).join().unwrap())))),
        8 => {
            let said = panic_text(|| call(|| callback((), || quiet_panic("held"))));
            assert_eq!(said, "held");
        }
        9 => {
            let mut parts = [0; 3];
            scope(|s| {
                for part in &mut parts {
                    s.go(move || *part = 1);
                }
            });
            assert_eq!(parts, [1; 3]);
        }
        10 => {
            let me = current().expect("a goroutine");
            let waker = go(move || me.unpark());
            park();
            waker.join().unwrap();
        }
        _ => {
            // Ends locked: on the migrating runtime its thread ends with it.
            let handle = go(|| {
                lock_os_thread();
                yield_now();
                1
            });
            return handle.join().unwrap();
        }
    }
    1
}

#[test]
fn a_mix_of_everything_adds_up() {
    const WORKERS: u64 = 12;
    const STEPS: u64 = 60;
    on_every_runtime(2, || {
        let (ask, asked) = channel(0);
        let server = Server { ask };
        let servers: Vec<_> = (0..2)
            .map(|_| {
                let asked = asked.clone();
                go(move || serve(asked))
            })
            .collect();
        drop(asked);
        let ended = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..WORKERS)
            .map(|n| {
                let (server, ended) = (server.clone(), ended.clone());
                go(move || {
                    let mut random = Random(n * 7 + 1);
                    let sum: u64 = (0..STEPS).map(|_| step(&mut random, &server)).sum();
                    assert!(!os_thread_locked());
                    ended.fetch_add(1, Ordering::SeqCst);
                    sum
                })
            })
            .collect();
        drop(server);
        yield_until("all end", || ended.load(Ordering::SeqCst) == WORKERS as usize);
        let sum: u64 = workers.into_iter().map(|h| h.join().unwrap()).sum();
        assert_eq!(sum, WORKERS * STEPS);
        servers.into_iter().for_each(|h| h.join().unwrap());
    });
}
