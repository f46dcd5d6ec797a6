//! Tokens, futures and joins: one wake for each wait, from wherever it comes.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use g0_sched::{block_on, channel, current, go, park, sleep, timeout};

use crate::crew::{Crew, give_way};

pub fn hire(crew: &mut Crew) {
    tokens(crew);
    futures(crew);
    joins(crew);
}

/// A goroutine parks until its flag is up; somebody else raises it and wakes the goroutine.
fn tokens(crew: &mut Crew) {
    let books = crew.books("tokens");
    for _ in 0..crew.random.below(3) {
        let (turns, flag) = (crew.random.between(1, 60) as u64, Arc::new(AtomicBool::new(false)));
        let (say, heard) = channel(1);
        let (theirs, parked) = (flag.clone(), books.clone());
        crew.hire_goroutine("parking: one who parks", move |desk, _| {
            say.send(current().expect("a goroutine")).expect("the other");
            for turn in 0..turns {
                desk.at(&"park");
                while !theirs.swap(false, Ordering::SeqCst) {
                    park();
                }
                parked.got(turn);
                // The answer.
                desk.at(&"send the answer");
                say.send(current().expect("a goroutine")).expect("the other");
            }
        });
        let books = books.clone();
        crew.hire("parking: one who wakes", move |desk, mut random| {
            for turn in 0..turns {
                desk.at(&"recv whom to wake");
                let whom = heard.recv().expect("somebody");
                if random.one_in(3) {
                    sleep(random.moment());
                }
                books.sent(turn);
                flag.store(true, Ordering::SeqCst);
                whom.unpark();
            }
            desk.at(&"recv the last answer");
            drop(heard.recv());
        });
    }
}

/// A value to come, and who waits for it.
#[derive(Clone, Default)]
struct Promise(Arc<Mutex<(Option<u64>, Option<Waker>)>>);

impl Promise {
    fn keep(&self, value: u64) {
        let waker = {
            let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            inner.0 = Some(value);
            inner.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Promise {
    type Output = u64;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.0.take() {
            Some(value) => Poll::Ready(value),
            None => {
                inner.1 = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Promises that somebody keeps and somebody waits for.
fn futures(crew: &mut Crew) {
    let books = crew.books("futures");
    for _ in 0..crew.random.below(3) {
        let (promises, to_keep) = channel::<Promise>(crew.random.below(2));
        crew.hire("parking: one who keeps promises", move |desk, mut random| {
            for i in 0.. {
                desk.at(&"recv a promise");
                let Ok(promise) = to_keep.recv() else { return };
                match random.below(3) {
                    0 => sleep(random.moment()),
                    1 => give_way(),
                    _ => {}
                }
                promise.keep(i);
            }
        });
        let (books, turns) = (books.clone(), crew.random.between(1, 60) as u64);
        crew.hire("parking: one who waits for promises", move |desk, mut random| {
            for turn in 0..turns {
                let promise = Promise::default();
                desk.at(&"send a promise");
                promises.send(promise.clone()).expect("the other");
                books.sent(turn);
                let value = if random.one_in(2) {
                    desk.at(&"block_on");
                    block_on(promise)
                } else {
                    desk.at(&"timeout, again and again");
                    loop {
                        let length = random.moment() + Duration::from_nanos(1);
                        if let Ok(value) = timeout(length, promise.clone()) {
                            break value;
                        }
                    }
                };
                assert_eq!(value, turn, "another promise's value");
                books.got(value);
            }
        });
    }
}

/// Goroutines that start and join others.
fn joins(crew: &mut Crew) {
    let books = crew.books("joins");
    for _ in 0..crew.random.below(3) {
        let (books, turns) = (books.clone(), crew.random.between(1, 40) as u64);
        crew.hire_goroutine("parking: one who joins", move |desk, mut random| {
            for turn in 0..turns {
                let (naps, nap) = (random.one_in(3), random.moment());
                books.sent(turn);
                let child = go(move || {
                    if naps {
                        sleep(nap);
                    }
                    let grandchild = go(move || turn);
                    grandchild.join().expect("no panic")
                });
                desk.at(&"join");
                books.got(child.join().expect("no panic"));
            }
        });
    }
}
