//! The pool and the pipeline in every order in which their users can meet, within a bound.
#![cfg(loom)]

use std::sync::Arc;

use downstream::pipeline::stage;
use downstream::pool::Pool;
use downstream::rt::{Chan, Mutex, Semaphore, go};
use g0_sched::{model, select};
use loom::cell::UnsafeCell;
use loom::thread;

/// A thing in which loom sees two users at a time, and one who does not see what the last one did.
struct Thing(UnsafeCell<usize>);

impl Thing {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn touch(&self) -> usize {
        // SAFETY: loom reports the access if it races.
        self.0.with_mut(|uses| unsafe {
            *uses += 1;
            *uses
        })
    }
}

#[test]
fn a_thing_is_lent_to_one_at_a_time() {
    model::check(2, || {
        let pool = Arc::new(Pool::new([Thing::new()]));
        let others = [0, 1].map(|_| {
            let pool = pool.clone();
            thread::spawn(move || pool.lend().touch())
        });
        let mine = pool.lend().touch();
        let uses = others.map(|other| other.join().unwrap()).into_iter().sum::<usize>() + mine;
        assert_eq!(uses, 1 + 2 + 3);
    });
}

#[test]
fn nobody_waits_beside_an_idle_thing() {
    model::check(2, || {
        let pool = Arc::new(Pool::new([Thing::new(), Thing::new()]));
        let others = [0, 1].map(|_| {
            let pool = pool.clone();
            thread::spawn(move || {
                pool.lend().touch();
            })
        });
        let mine = (pool.lend(), pool.try_lend());
        drop(mine);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(pool.try_lend().is_some());
    });
}

#[test]
fn goroutines_borrow_as_threads_do() {
    model::check(2, || {
        model::run(2, || {
            let pool = Arc::new(Pool::new([Thing::new()]));
            let other = {
                let pool = pool.clone();
                go(move || pool.lend().touch())
            };
            let mine = pool.lend().touch();
            assert_eq!(other.join().unwrap_or_default() + mine, 1 + 2);
        });
    });
}

/// The pool again, with two steps exchanged: the permit comes back before the thing.
struct Hasty {
    idle: Mutex<Vec<Thing>>,
    free: Semaphore,
}

impl Hasty {
    fn touch(&self) -> usize {
        let permit = self.free.acquire();
        let thing = self.idle.lock().unwrap().pop().expect("a permit stands for an idle thing");
        let uses = thing.touch();
        drop(permit);
        self.idle.lock().unwrap().push(thing);
        uses
    }
}

#[test]
#[should_panic(expected = "a permit stands for an idle thing")]
fn a_permit_that_comes_back_before_its_thing_is_found() {
    model::check(2, || {
        let pool = Hasty { idle: Mutex::new(vec![Thing::new()]), free: Semaphore::new(1) };
        let pool = Arc::new(pool);
        let other = {
            let pool = pool.clone();
            thread::spawn(move || pool.touch())
        };
        pool.touch();
        other.join().unwrap();
    });
}

/// The channels of a stage, in one place: `select!` locks them in the order of their addresses, which
/// must be the same in all schedules.
struct Channels {
    from: Chan<usize, 2>,
    to: Chan<usize, 0>,
    stop: Chan<(), 0>,
}

/// Two values, a stage and a receiver who takes one and says that it is enough.
fn enough(stage: fn(&Channels)) {
    model::check(3, move || {
        let channels = Channels { from: Chan::new(), to: Chan::new(), stop: Chan::new() };
        let channels = Arc::new(channels);
        let worker = {
            let channels = channels.clone();
            thread::spawn(move || stage(&channels))
        };
        channels.from.send(1).unwrap();
        channels.from.send(2).unwrap();
        assert_eq!(channels.to.recv(), Ok(10), "what was sent first is received first");
        channels.stop.close().unwrap();
        worker.join().unwrap();
        assert!(channels.to.recv().is_err(), "the stage has closed its end");
    });
}

#[test]
fn a_stage_that_is_told_to_stop_does() {
    enough(|Channels { from, to, stop }| stage(from, to, stop, |value| value * 10));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_stage_that_does_not_listen_while_it_sends_is_found() {
    enough(|Channels { from, to, stop }| {
        loop {
            let value = select! {
                recv(from) -> value => match value {
                    Ok(value) => value * 10,
                    Err(_) => break,
                },
                recv(stop) -> _ => break,
            };
            if to.send(value).is_err() {
                break;
            }
        }
        let _ = to.close();
    });
}
