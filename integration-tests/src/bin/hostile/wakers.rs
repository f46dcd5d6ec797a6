//! Wakers and handles in the hands of foreign threads, while their runtime runs and long after.
#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use g0_sched::{Goroutine, JoinHandle, block_on, current, go, park, sleep, yield_now};

use crate::setup::{Setup, ms, until};

/// What goroutines have left of themselves.
#[derive(Default)]
struct Left {
    wakers: Vec<Waker>,
    goroutines: Vec<Goroutine>,
    handles: Vec<JoinHandle<Vec<usize>>>,
}

/// A waker of the calling goroutine.
fn waker() -> Waker {
    block_on(poll_fn(|context| Poll::Ready(context.waker().clone())))
}

fn use_all(left: &Mutex<Left>) {
    let (wakers, goroutines) = {
        let left = left.lock().expect("no panic");
        (left.wakers.clone(), left.goroutines.clone())
    };
    for (n, waker) in wakers.into_iter().enumerate() {
        waker.wake_by_ref();
        match n % 3 {
            0 => waker.wake(),
            1 => drop(waker),
            _ => drop(waker.clone()),
        }
    }
    goroutines.iter().for_each(Goroutine::unpark);
}

/// Goroutines that have ended, and some that only the end of the run ends.
fn leaves(left: &Mutex<Left>) {
    for n in 0..20 {
        let (tx, rx) = g0_sched::channel(1);
        let handle = go(move || {
            tx.send((waker(), current().expect("a goroutine"))).expect("it is taken");
            if n % 2 == 0 {
                loop {
                    park();
                }
            }
            sleep(ms(1));
            vec![n; 64]
        });
        let (waker, goroutine) = rx.recv().expect("it begins");
        if n % 2 == 1 {
            until("its end", || handle.is_finished());
        }
        let mut left = left.lock().expect("no panic");
        left.wakers.push(waker);
        left.goroutines.push(goroutine);
        left.handles.push(handle);
    }
}

/// While the first runtime runs, after it, and while another may have its memory.
pub fn after_the_run(setup: Setup) -> String {
    let left = Arc::new(Mutex::new(Left::default()));
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (left, stop) = (left.clone(), stop.clone());
            std::thread::spawn(move || {
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    use_all(&left);
                    std::thread::sleep(ms(1));
                }
                use_all(&left);
            })
        })
        .collect();
    setup.run(|| leaves(&left));
    let sum: usize = setup.run(|| {
        let more: Vec<_> = (0..30)
            .map(|n| {
                go(move || {
                    sleep(ms(2));
                    (0..20).for_each(|_| yield_now());
                    n
                })
            })
            .collect();
        more.into_iter().map(|one| one.join().expect("it ends")).sum()
    });
    assert_eq!(sum, 30 * 29 / 2);
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    threads
        .into_iter()
        .for_each(|thread| thread.join().expect("wakers of a runtime that has gone"));
    let handles = std::mem::take(&mut left.lock().expect("no panic").handles);
    let joined = handles.into_iter().map(|handle| {
        assert!(handle.is_finished());
        std::thread::spawn(move || handle.join().map_or(0, |words| words.len()))
            .join()
            .expect("it joins")
    });
    assert_eq!(joined.sum::<usize>(), 10 * 64);
    "wakers and handles of a runtime that has gone did nothing, and ten results were there"
        .to_owned()
}
