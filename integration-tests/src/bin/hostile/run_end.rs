//! What goroutines that are left behind at the end of a run have lent to other threads stays.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{sleep, yield_now};

use g0_cgo::{call, callback};
use g0_sched::{Runtime, channel, go, lock_os_thread, park};

use crate::setup::{Setup, ms, until};

const WORD: u64 = 0x6c65_6e74_2077_6f72;

/// What the borrower and the program tell each other.
#[derive(Default)]
struct Told {
    begun: AtomicBool,
    /// The run has ended, and memory that was given back is in use again.
    used_again: AtomicBool,
    looked: AtomicUsize,
    wrong: AtomicUsize,
}

/// Looks at what it borrows, until well after the end of the run.
fn borrow(words: &[AtomicU64], told: &Told) {
    let look = || {
        let wrong = words.iter().filter(|word| word.load(Ordering::SeqCst) != WORD).count();
        told.wrong.fetch_add(wrong, Ordering::SeqCst);
        told.looked.fetch_add(1, Ordering::SeqCst);
    };
    told.begun.store(true, Ordering::SeqCst);
    while !told.used_again.load(Ordering::SeqCst) {
        look();
        yield_now();
    }
    (0..100).for_each(|_| look());
    // The scope does not end: the goroutine is not to go on.
    loop {
        std::thread::park();
    }
}

/// Threads with large stacks and boxes of all sizes: what has been given back is theirs.
fn use_memory() {
    let fill = || {
        let mut room = [0_u8; 2 << 20];
        room.fill(0xAB);
        sleep(ms(30));
        assert_eq!(std::hint::black_box(&room)[777], 0xAB);
    };
    let start = || std::thread::Builder::new().stack_size(8 << 20).spawn(fill).expect("a thread");
    let threads: Vec<_> = (0..8).map(|_| start()).collect();
    let boxes: Vec<_> = (0..20_000).map(|n| vec![0xAB_u8; 8 << (n % 8)]).collect();
    threads.into_iter().for_each(|thread| thread.join().expect("it fills its stack"));
    drop(std::hint::black_box(boxes));
}

/// Runs `lends` as a goroutine, ends the run when the borrower is at work, and looks what it sees afterwards.
fn left_behind(setup: Setup, lends: fn(&Told)) -> String {
    let told = Arc::new(Told::default());
    let theirs = told.clone();
    let ended = setup.build(Runtime::builder()).run_counted(move || {
        // Main has a thread of its own: where goroutines share them, it could not go on beside one that blocks
        // its thread as it unwinds.
        lock_os_thread();
        let told = theirs.clone();
        drop(go(move || lends(&told)));
        until("the borrower", || theirs.begun.load(Ordering::SeqCst));
    });
    assert_eq!(ended.expect("main returns").left_behind, 1, "left behind");
    sleep(ms(20));
    use_memory();
    told.used_again.store(true, Ordering::SeqCst);
    let looked = told.looked.load(Ordering::SeqCst);
    while told.looked.load(Ordering::SeqCst) < looked + 100 {
        sleep(ms(1));
    }
    assert_eq!(told.wrong.load(Ordering::SeqCst), 0, "words that have changed");
    format!("what was lent stayed, seen {looked} times and 100 times after the end")
}

/// Waits for ever, in goroutine code.
fn waits() {
    let (_tx, rx) = channel::<()>(0);
    let _ = rx.recv();
    loop {
        park();
    }
}

/// A frame in C, below a callback that waits.
pub fn frames_lent(setup: Setup) -> String {
    left_behind(setup, |told| {
        call(|| {
            let words = [const { AtomicU64::new(WORD) }; 64];
            std::thread::scope(|scope| {
                scope.spawn(|| borrow(&words, told));
                callback((), waits);
            });
        });
    })
}

std::thread_local! {
    static WORDS: Box<[AtomicU64; 64]> = Box::new([const { AtomicU64::new(WORD) }; 64]);
}

/// A thread-local's value, while the goroutine waits in its own code.
pub fn thread_local_lent(setup: Setup) -> String {
    left_behind(setup, |told| {
        WORDS.with(|words| {
            std::thread::scope(|scope| {
                scope.spawn(|| borrow(&words[..], told));
                waits();
            });
        });
    })
}

/// The same in C, below a callback that waits.
pub fn thread_local_below_c(setup: Setup) -> String {
    left_behind(setup, |told| {
        call(|| {
            WORDS.with(|words| {
                std::thread::scope(|scope| {
                    scope.spawn(|| borrow(&words[..], told));
                    callback((), waits);
                });
            });
        });
    })
}
