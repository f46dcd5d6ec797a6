//! The end of a run in a program whose panics abort: nothing unwinds, so goroutines that wait are left behind, and the
//! threads that they need stay (L23). `tests/left_behind.rs` has what holds where panics unwind.
//!
//! `cargo run -p g0-cgo --features std,sched --profile abort --example left_behind` (and `--profile abort-dev`)

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use common::child::threads;
use common::{KINDS, Kind, tid};
use g0_cgo::{call, callback};
use g0_sched::{channel, go, park, yield_now};

const WORD: u64 = 0x1122_3344_5566_7788;

/// A thread-local of its own on the heap, whose word changes when the thread ends.
struct Kept(Box<AtomicU64>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.store(0, Ordering::SeqCst);
    }
}

thread_local! {
    static KEPT: Kept = Kept(Box::new(AtomicU64::new(WORD)));
}

/// Lends `word` to a thread that looks at it until `over`, says then whether it was right all the time, and calls
/// `waits` meanwhile.
fn lend(word: &AtomicU64, over: &AtomicBool, said: &mpsc::Sender<bool>, waits: impl FnOnce()) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut right = true;
            while !over.load(Ordering::SeqCst) {
                right &= word.load(Ordering::SeqCst) == WORD;
            }
            said.send(right && word.load(Ordering::SeqCst) == WORD).unwrap();
        });
        waits();
    });
}

/// Main returns while a goroutine waits that `begin` has begun; `begin` is given what [`lend`] needs, and what it
/// must do when all is ready. Returns how many threads are left.
fn leave(
    kind: Kind,
    procs: usize,
    begin: fn(&AtomicBool, &mpsc::Sender<bool>, &dyn Fn()),
) -> usize {
    let (over, (said, told)) = (Arc::new(AtomicBool::new(false)), mpsc::channel());
    let theirs = over.clone();
    let start = Instant::now();
    let ended = kind.with_procs(procs).run_counted(move || {
        let (up, is_up) = channel(1);
        drop(go(move || {
            begin(&theirs, &said, &|| {
                up.send(tid()).unwrap();
                loop {
                    park();
                }
            });
        }));
        is_up.recv().unwrap()
    });
    let ended = ended.expect("main returns");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(ended.left_behind, 1, "nothing unwinds here");
    // Its memory is others' soon, if the thread has ended.
    std::thread::sleep(Duration::from_millis(20));
    let others: Vec<_> =
        (0..4).map(|_| std::thread::spawn(|| vec![Box::new([0xA5_u8; 8]); 10_000])).collect();
    others.into_iter().for_each(|other| drop(other.join().unwrap()));
    over.store(true, Ordering::SeqCst);
    assert!(told.recv().unwrap(), "L23: what the goroutine has lent has changed");
    let thread = ended.result.expect("main returns");
    assert!(Path::new(&format!("/proc/self/task/{thread}")).exists(), "L23: a thread has ended");
    ended.threads_left
}

fn main() {
    if !cfg!(panic = "abort") {
        eprintln!("panics unwind: `tests/left_behind.rs` is for that");
        std::process::exit(2);
    }
    // A check that fails panics, and so ends the program here.
    for kind in KINDS {
        for procs in [1, 2] {
            println!("{kind:?}, {procs} procs");
            let before = threads();
            let mut left = leave(kind, procs, |over, said, waits| {
                let frame = AtomicU64::new(WORD);
                call(|| lend(&frame, over, said, || callback((), waits)));
            });
            assert_eq!(left, 1, "in a callback");
            if !kind.migrates() {
                left += leave(kind, procs, |over, said, waits| {
                    KEPT.with(|kept| lend(&kept.0, over, said, waits));
                });
                assert_eq!(left, 2, "bound to its thread");
            }
            for _ in 0..10 {
                let ended = kind.with_procs(procs).run_counted(|| {
                    let all: Vec<_> = (0..8).map(|_| go(yield_now)).collect();
                    all.into_iter().for_each(|one| one.join().unwrap());
                });
                let ended = ended.expect("main returns");
                assert_eq!((ended.left_behind, ended.threads_left), (0, 0));
            }
            let begin = Instant::now();
            while threads() != before + left {
                assert!(begin.elapsed() < Duration::from_secs(20), "{} threads", threads());
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    println!("all held");
}
