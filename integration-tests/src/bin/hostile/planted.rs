//! Unsoundnesses for the sanitizer to find: what the other programs would show if a runtime let them. Each
//! returns, and says that nothing was noticed, where nothing looks.

use std::cell::Cell;

use g0_sched::{JoinHandle, Receiver, channel, go, yield_now};

use crate::setup::Setup;

/// A goroutine that may borrow, though nothing waits for its end. It should be `unsafe`.
fn go_borrowing<'a, T: Send + 'static>(f: impl FnOnce() -> T + Send + 'a) -> JoinHandle<T> {
    let f: Box<dyn FnOnce() -> T + Send + 'a> = Box::new(f);
    // SAFETY: none: this is the mistake.
    let f: Box<dyn FnOnce() -> T + Send> = unsafe { std::mem::transmute(f) };
    go(f)
}

fn unnoticed<T>(_: T) -> String {
    "nothing was noticed".to_owned()
}

fn sum(words: &[Cell<u64>]) -> u64 {
    words.iter().map(Cell::get).sum()
}

struct Words<'a>(&'a [Cell<u64>]);
// SAFETY: used by one at a time.
unsafe impl Send for Words<'_> {}

impl Words<'_> {
    fn sum(self) -> u64 {
        sum(self.0)
    }
}

#[inline(never)]
fn start(lent: Words<'_>, wait: Receiver<()>) -> JoinHandle<u64> {
    go_borrowing(move || {
        let _ = wait.recv();
        lent.sum()
    })
}

/// Lends its own frame to a goroutine, and returns. No `black_box` here, and nothing else with inline assembly:
/// the sanitizer leaves functions with some on the ordinary stack, where a use after return is not seen.
#[inline(never)]
fn lends(wait: Receiver<()>) -> JoinHandle<u64> {
    let words = [const { Cell::new(1) }; 16];
    start(Words(&words), wait)
}

/// A frame that has returned, read by another goroutine.
pub fn frame(setup: Setup) -> String {
    unnoticed(setup.run(|| {
        let (open, wait) = channel(0);
        let reader = lends(wait);
        yield_now();
        drop(open);
        reader.join().expect("it reads")
    }))
}

/// What a goroutine's closure held, which has ended, read by another goroutine.
pub fn capture(setup: Setup) -> String {
    unnoticed(setup.run(|| {
        let (open, wait) = channel(0);
        let words = vec![const { Cell::new(1) }; 16];
        let reader = start(Words(&words), wait);
        go(move || drop(words)).join().expect("it ends");
        drop(open);
        reader.join().expect("it reads")
    }))
}

std::thread_local! {
    static LOCAL: Box<[Cell<u64>; 16]> = Box::new([const { Cell::new(1) }; 16]);
}

/// What a thread-local held whose thread has ended, read by a goroutine.
pub fn thread_local(setup: Setup) -> String {
    unnoticed(setup.run(|| {
        let thread = std::thread::spawn(|| LOCAL.with(|words| words.as_ptr().expose_provenance()));
        let words = thread.join().expect("it ends");
        let reader = go(move || {
            yield_now();
            let words = std::ptr::with_exposed_provenance::<[Cell<u64>; 16]>(words);
            // SAFETY: none: this is the mistake.
            sum(unsafe { &*words })
        });
        reader.join().expect("it reads")
    }))
}
