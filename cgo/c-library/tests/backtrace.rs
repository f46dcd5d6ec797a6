//! A backtrace taken in a callback: the closure, the frames of C, and the goroutine's own frames
//! beneath, down to where it was spawned.

#[path = "../../../sched/tests/common/mod.rs"]
mod common;

use std::backtrace::Backtrace;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::Mutex;

use common::child::{in_children, succeeds};
use common::on_every_runtime;
use g0_cgo::{call, callback, callback_unwind};
use g0_sched::{go, yield_now};

unsafe extern "C" {
    fn c_is_entered(f: unsafe extern "C" fn(*mut c_void), arg: *mut c_void);
}

type Closure<'a> = &'a mut dyn FnMut();

/// Calls `f` through C, as goroutine code.
#[inline(never)]
fn through_c(mut f: Closure<'_>) {
    unsafe extern "C" fn back(f: *mut c_void) {
        // SAFETY: `through_c` waits with it; above are frames of C, which own nothing.
        unsafe { callback_unwind(|| (*f.cast::<Closure<'_>>())()) }
    }
    // SAFETY: it calls `back` once, with its argument.
    call(|| unsafe { c_is_entered(back, (&raw mut f).cast()) });
}

#[inline(never)]
fn innermost(seen: &mut String) {
    *seen = Backtrace::force_capture().to_string();
}

#[inline(never)]
fn outer_of_two(seen: &mut String) {
    through_c(&mut || inner_of_two(seen));
}

#[inline(never)]
fn inner_of_two(seen: &mut String) {
    through_c(&mut || innermost(seen));
}

#[inline(never)]
fn body_of_the_goroutine() -> String {
    let mut seen = String::new();
    outer_of_two(&mut seen);
    seen
}

/// The frames by name, in order, from the innermost to the first of the goroutine.
fn check(text: &str, names: &[&str]) {
    let mut rest = text;
    for name in names {
        let at = rest.find(name).unwrap_or_else(|| panic!("no {name} in this order in\n{text}"));
        rest = &rest[at + name.len()..];
    }
}

/// Each change of stacks, twice; and the first frame of all. How paths and closures are written
/// depends on how much debug information there is.
const FRAMES: &[&str] = &[
    "innermost\n",
    "closure",
    "back\n",
    "c_calls_back\n",
    "c_in_the_middle\n",
    "c_is_entered\n",
    "through_c\n",
    "inner_of_two\n",
    "closure",
    "c_calls_back\n",
    "c_in_the_middle\n",
    "c_is_entered\n",
    "through_c\n",
    "outer_of_two\n",
    "body_of_the_goroutine\n",
    "exec/spawn.rs",
    "start\n",
];

#[test]
fn a_backtrace_reads_through_c_twice_down_to_the_spawn() {
    on_every_runtime(2, || {
        check(&go(body_of_the_goroutine).join().unwrap(), FRAMES);
        // And the same when the goroutine has been away.
        let parked = go(|| {
            let mut seen = String::new();
            through_c(&mut || {
                (0..5).for_each(|_| yield_now());
                innermost(&mut seen);
            });
            seen
        });
        check(&parked.join().unwrap(), &[FRAMES[0], "c_calls_back\n", "c_is_entered\n", "start\n"]);
    });
}

#[test]
fn the_same_frames_are_in_a_panic_over_c() {
    static SEEN: Mutex<String> = Mutex::new(String::new());
    // In processes of its own: the hook is the process's.
    in_children(
        "the_same_frames_are_in_a_panic_over_c",
        |kind, procs| {
            set_hook(Box::new(|_| {
                *SEEN.lock().unwrap() = Backtrace::force_capture().to_string();
            }));
            let ended = kind.with_procs(procs).run(|| {
                let panicked = catch_unwind(AssertUnwindSafe(|| {
                    through_c(&mut || {
                        callback_in_a_call();
                    });
                }));
                assert!(panicked.is_err());
            });
            ended.unwrap();
            let frames =
                ["panics_on_purpose", "c_calls_back\n", "c_is_entered\n", "through_c\n", "start\n"];
            check(&SEEN.lock().unwrap(), &frames);
        },
        succeeds,
    );
}

/// A panic that is held by the other form first.
#[inline(never)]
fn callback_in_a_call() {
    #[inline(never)]
    fn panics_on_purpose() {
        panic!("on purpose");
    }
    call(|| callback((), panics_on_purpose));
}
