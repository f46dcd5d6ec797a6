//! Runtimes of all kinds that meet on one channel and on one lock, while some of them end.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use g0_sched::{Mutex, Receiver, Runtime, Sender, channel, go, yield_now};

use crate::setup::{Kind, Setup, is_of, until};

const SENDERS: usize = 3;
const EACH: usize = 40;

#[derive(Default)]
struct Books {
    made: AtomicUsize,
    dropped: AtomicUsize,
    received: AtomicUsize,
    under_lock: Mutex<Vec<usize>>,
}

/// A value that is counted.
struct Value(Arc<Books>, Box<usize>);

impl Value {
    fn new(books: &Arc<Books>, n: usize) -> Self {
        books.made.fetch_add(1, Ordering::SeqCst);
        Self(books.clone(), Box::new(n))
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// Sends and receives until all senders of all runtimes are done.
fn meets(name: &'static str, books: &Arc<Books>, tx: Sender<Value>, rx: &Receiver<Value>) {
    let mut all = Vec::new();
    for _ in 0..SENDERS {
        let (books, tx) = (books.clone(), tx.clone());
        all.push(go(move || {
            for n in 0..EACH {
                assert!(tx.send(Value::new(&books, n)).is_ok(), "there are receivers");
                books.under_lock.lock().expect("no panic").push(n);
                assert!(is_of(name), "{name} goes on elsewhere");
                if n % 7 == 0 {
                    yield_now();
                }
            }
        }));
    }
    drop(tx);
    for _ in 0..2 {
        let rx = rx.clone();
        all.push(go(move || {
            for value in &rx {
                assert!(*value.1 < EACH && is_of(name), "{name} goes on elsewhere");
                value.0.received.fetch_add(1, Ordering::SeqCst);
            }
        }));
    }
    all.into_iter().for_each(|one| one.join().expect("it ends"));
}

/// Receives, and ends in the middle of it.
fn leaves(books: &Arc<Books>, rx: &Receiver<Value>) {
    for _ in 0..3 {
        let rx = rx.clone();
        drop(go(move || while rx.recv().is_ok() {}));
    }
    until("values", || books.dropped.load(Ordering::SeqCst) > EACH / 2);
}

/// One of each kind for the whole time; one of the setup's kind ends earlier.
pub fn on_one_channel(setup: Setup) -> String {
    let books = Arc::new(Books::default());
    let (tx, rx) = channel::<Value>(1);
    let mut threads = Vec::new();
    for kind in Kind::ALL {
        let (books, tx, rx) = (books.clone(), tx.clone(), rx.clone());
        let setup = Setup { kind, ..setup };
        threads.push(std::thread::spawn(move || {
            let builder = Runtime::builder().name(kind.name());
            setup.run_on(builder, move || meets(kind.name(), &books, tx, &rx));
        }));
    }
    drop(tx);
    let theirs = books.clone();
    setup.run_on(Runtime::builder().name("leaves"), move || leaves(&theirs, &rx));
    threads.into_iter().for_each(|thread| thread.join().expect("it ends"));
    let all = SENDERS * EACH * Kind::ALL.len();
    assert_eq!(books.under_lock.lock().expect("no panic").len(), all);
    let counts = [&books.made, &books.dropped].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(counts, [all, all], "made, dropped");
    assert!(books.received.load(Ordering::SeqCst) <= all);
    format!("{all} values, each dropped once, and each goroutine stayed in its runtime")
}
