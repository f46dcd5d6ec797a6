//! Unwinding and C: neither a panic nor a goexit passes a C frame.

use std::cell::Cell;
use std::ffi::c_int;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use g0_cgo::call;
use g0_defer::{defer, is_goexit};
use g0_sched::{Runtime, go, goexit, yield_now};

use crate::env::{Env, equal, text};

const CALLS: c_int = 6;
/// What C gets in place of a value.
const DEFAULT: c_int = -100;

unsafe extern "C" {
    /// Calls `tour_answer(i)` for each i below `calls`, and adds up; then stores the sum and says
    /// that it is done.
    fn tour_ask_all(calls: c_int, sum: *mut c_int, done: *mut c_int);
}

/// 0: each callback answers; 1: the third panics; 2: the third ends its goroutine.
static MODE: AtomicU64 = AtomicU64::new(0);

g0_cgo::export! {
    #[unsafe(no_mangle)]
    fn tour_answer(i: c_int) -> c_int = DEFAULT {
        yield_now();
        match (i, MODE.load(Ordering::Relaxed)) {
            (2, 1) => panic!("the answer to {i} is not known"),
            (2, 2) => goexit(),
            _ => i,
        }
    }
}

/// What C has added up, and whether it came to its end.
#[derive(Default)]
struct Left {
    sum: Cell<c_int>,
    done: Cell<c_int>,
}

impl Left {
    fn by_c(&self) -> &Self {
        // SAFETY: both live until `call` returns, and then C writes no more.
        call(|| unsafe { tour_ask_all(CALLS, self.sum.as_ptr(), self.done.as_ptr()) });
        self
    }

    fn text(&self) -> String {
        format!("C has {}, done {}", self.sum.get(), self.done.get())
    }
}

/// What happened, in order.
fn story() -> Vec<String> {
    let mut story = Vec::new();
    story.push(format!("without a panic: {}", Left::default().by_c().text()));

    MODE.store(1, Ordering::Relaxed);
    let left = Left::default();
    let result = panic::catch_unwind(AssertUnwindSafe(|| _ = left.by_c()));
    story.push(format!("with a panic: {}", left.text()));
    story.push(match result {
        Ok(()) => "no panic after the call".into(),
        Err(payload) => format!("after the call: {}", text(&*payload)),
    });

    MODE.store(2, Ordering::Relaxed);
    let quitter = go(|| {
        let mut story = Vec::new();
        let log = Arc::new(Mutex::new(Vec::new()));
        let theirs = log.clone();
        // It ends its goroutine, so what it says is taken from the log by another.
        let ended = go(move || {
            let say = |what: &str| theirs.lock().expect("nobody panics here").push(what.to_owned());
            defer! { say("the first deferred call") }
            g0_defer::scope(|scope| {
                scope.defer(|| say("a scope's deferred call, which yields"));
                scope.defer(yield_now);
                let left = Left::default();
                defer! { say(&format!("with a goexit: {}", left.text())) }
                left.by_c();
                say("still here after the call");
            });
            say("still here after the scope");
        })
        .join();
        story.append(&mut log.lock().expect("nobody panics here"));
        story.push(match ended {
            Err(payload) if is_goexit(&payload) => "the handle says: goexit".into(),
            Err(payload) => format!("the handle says: {}", text(&*payload)),
            Ok(()) => "the handle says: returned".into(),
        });
        story
    });
    story.extend(quitter.join().expect("it does not panic"));
    story
}

pub fn run(env: &Env) -> Result<(), String> {
    env.stage("callbacks", 3 * u64::from(CALLS.unsigned_abs()));
    // The panic's message is a figure, not noise in between.
    let messages = Arc::new(Mutex::new(Vec::new()));
    let theirs = messages.clone();
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let place =
            info.location().map_or(String::new(), |at| format!("{}:{}", at.file(), at.line()));
        let mut messages = theirs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        messages.push(format!("{} ({place})", text(info.payload())));
    }));
    let story = env.run(Runtime::builder(), story);
    panic::set_hook(hook);
    let story = story?;
    for line in &story {
        println!("      {line}");
    }
    let messages = std::mem::take(&mut *messages.lock().expect("nobody panics here"));
    env.figure("panics, as the hook saw them", messages.len());
    for message in &messages {
        println!("      {message}");
    }
    let (all, but_two) = (15, 13 + DEFAULT);
    let wanted = [
        format!("without a panic: C has {all}, done 1"),
        format!("with a panic: C has {but_two}, done 1"),
        "after the call: the answer to 2 is not known".to_owned(),
        format!("with a goexit: C has {but_two}, done 1"),
        "a scope's deferred call, which yields".to_owned(),
        "the first deferred call".to_owned(),
        "the handle says: goexit".to_owned(),
    ];
    equal("what happened", &env.result(story), &wanted.to_vec())?;
    equal("messages", &messages.len(), &1)
}
