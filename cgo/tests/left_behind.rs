//! Goroutines that wait in a callback when the run ends: C's frames lie on the system stack, and what they have
//! lent to other threads must stay (L23).

#[path = "../../sched/tests/common/mod.rs"]
mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{on_each_kind, tid, yield_until};
use g0_cgo::{call, callback_unwind};
use g0_sched::{channel, go, lock_os_thread, park, yield_now};

const WORD: u64 = 0x6b65_6570_2074_6869;

fn exists(tid: i32) -> bool {
    Path::new(&format!("/proc/self/task/{tid}")).exists()
}

/// Threads with large stacks, which they fill: memory that a thread's stack has left is theirs.
fn fill_stacks() {
    let fill = || {
        let mut room = std::hint::black_box([0_u8; 2 << 20]);
        room.fill(0xA5);
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(std::hint::black_box(&room)[1 << 20], 0xA5);
    };
    let threads: Vec<_> = (0..8)
        .map(|_| std::thread::Builder::new().stack_size(8 << 20).spawn(fill).unwrap())
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// In C: a callback that waits for ever, and that the end of the run leaves alone.
fn waits_in_c(begins: impl FnOnce()) {
    // SAFETY: nothing unwinds.
    unsafe {
        callback_unwind::<()>(|| {
            begins();
            loop {
                park();
            }
        });
    }
}

#[test]
fn l23_what_a_call_has_lent_stays_while_its_callback_waits() {
    on_each_kind(|kind, procs| {
        let ended = Arc::new(AtomicBool::new(false));
        let (tell, told) = std::sync::mpsc::channel();
        let over = ended.clone();
        let begin = Instant::now();
        let result = kind.with_procs(procs).run_counted(move || {
            let (up, is_up) = channel(1);
            drop(go(move || {
                call(|| {
                    let lent = [const { AtomicU64::new(WORD) }; 64];
                    std::thread::scope(|scope| {
                        scope.spawn(|| {
                            while !over.load(Ordering::SeqCst) {
                                std::thread::sleep(Duration::from_millis(1));
                            }
                            let right = |word: &&AtomicU64| word.load(Ordering::SeqCst) == WORD;
                            tell.send(lent.iter().filter(right).count()).unwrap();
                        });
                        waits_in_c(|| up.send(tid()).unwrap());
                    });
                    unreachable!("the callback does not return");
                });
            }));
            is_up.recv().unwrap()
        });
        let result = result.unwrap();
        assert_eq!((result.left_behind, result.threads_left), (1, 1));
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        fill_stacks();
        ended.store(true, Ordering::SeqCst);
        assert_eq!(told.recv().unwrap(), 64, "L23: C's frames are used again");
        assert!(exists(result.result.unwrap()), "L23: the thread has ended");
    });
}

#[test]
fn l23_every_thread_of_a_callback_stays_and_no_other() {
    on_each_kind(|kind, procs| {
        let (up, is_up) = channel(3);
        let ended = kind.with_procs(procs).run_counted(move || {
            lock_os_thread();
            for _ in 0..3 {
                let up = up.clone();
                drop(go(move || {
                    call(|| {
                        waits_in_c(|| up.send(tid()).unwrap());
                    });
                }));
            }
            let mut threads: Vec<_> = (0..3).map(|_| is_up.recv().unwrap()).collect();
            for _ in 0..4 {
                drop(go(|| {
                    loop {
                        yield_now();
                    }
                }));
            }
            threads.sort_unstable();
            threads.dedup();
            (threads, tid())
        });
        let ended = ended.unwrap();
        let (threads, of_main) = ended.result.unwrap();
        assert_eq!((ended.left_behind, ended.threads_left), (3, threads.len()));
        assert!(kind.is_pinned() || threads.len() == 3, "L2: {threads:?}");
        let begin = Instant::now();
        while exists(of_main) {
            assert!(begin.elapsed() < Duration::from_secs(20), "main's thread does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(50));
        assert!(threads.into_iter().all(exists), "L23: a thread has ended");
    });
}

#[test]
fn a_call_that_comes_back_after_the_end_of_the_run_ends_its_thread() {
    on_each_kind(|kind, procs| {
        let (stop, in_c) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let theirs = stop.clone();
        let ended = kind.with_procs(procs).run_counted(move || {
            lock_os_thread();
            let seen = in_c.clone();
            drop(go(move || {
                call(|| {
                    seen.store(tid() as u64, Ordering::SeqCst);
                    while !theirs.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                });
            }));
            yield_until("it is in C", || in_c.load(Ordering::SeqCst) != 0);
            in_c.load(Ordering::SeqCst) as i32
        });
        let ended = ended.unwrap();
        assert_eq!((ended.left_behind, ended.threads_left), (1, 1));
        let thread = ended.result.unwrap();
        assert!(exists(thread), "L23: a thread has ended in C");
        stop.store(true, Ordering::SeqCst);
        let begin = Instant::now();
        while exists(thread) {
            assert!(begin.elapsed() < Duration::from_secs(20), "the thread does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}
