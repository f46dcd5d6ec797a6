//! Signals that come while goroutines run, on stacks that are nearly full and on those for signals.
#![cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]

mod common;

use std::hint::black_box;
use std::mem;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::Kind;
use common::child::{in_children, succeeds};
use g0_sched::{
    Hosted, Runtime, add_onstack_flags, go, go_named, handler_without_onstack, sleep, yield_now,
};

/// Less than any frame of the kernel's, more than it takes to raise a signal.
const ROOM: usize = 1200;
const SIZE: usize = 64 << 10;

static HANDLED: AtomicUsize = AtomicUsize::new(0);
static ON_ALTERNATE: AtomicUsize = AtomicUsize::new(0);

/// A thread's alternate stack: where it begins, its size, and whether it is in use.
fn alternate() -> Option<(usize, usize, bool)> {
    // SAFETY: zeros are a valid `stack_t`, and the call only fills it.
    let stack = unsafe {
        let mut stack: libc::stack_t = mem::zeroed();
        assert_eq!(libc::sigaltstack(ptr::null(), &raw mut stack), 0);
        stack
    };
    let has_one = stack.ss_flags & libc::SS_DISABLE == 0;
    has_one.then_some((stack.ss_sp.addr(), stack.ss_size, stack.ss_flags & libc::SS_ONSTACK != 0))
}

extern "C" fn count(_: i32) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
    if alternate().is_some_and(|(.., used)| used) {
        ON_ALTERNATE.fetch_add(1, Ordering::Relaxed);
    }
}

fn deep(n: usize) -> usize {
    let frame = black_box([n; 16]);
    if n == usize::MAX { 0 } else { deep(n + 1) + frame[n % 16] }
}

extern "C" fn fill(_: i32) {
    deep(1);
}

/// Installs a handler of SIGUSR1 that runs on whatever stack it meets.
fn handle(handler: extern "C" fn(i32)) {
    // SAFETY: zeros are a valid action; the handlers above keep to what they may do, but for the fault under test.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &action, ptr::null_mut()), 0);
    }
}

fn raise() {
    // SAFETY: only a signal, to this very thread.
    assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
}

/// Raises the signal when a stack of 64 KiB, which began near `top`, is nearly full. The stack's header and the
/// goroutine's record take some of it, and no frame of the kernel's fits into what is left.
fn raise_at_the_end(bottom: usize) -> usize {
    let frame = black_box([bottom; 4]);
    if (&raw const frame).addr() - bottom < ROOM {
        raise();
        return 0;
    }
    raise_at_the_end(bottom) + frame[bottom % 4]
}

/// Returns the lowest address of the stack that the caller runs on, by the page beneath it.
fn bottom() -> usize {
    let here = 0_u8;
    let mut page = (&raw const here).addr() & !4095;
    let is_mapped = |page: usize| {
        let mut fds = [0; 2];
        // SAFETY: the kernel refuses to read where nothing is to be read.
        unsafe {
            assert_eq!(libc::pipe(fds.as_mut_ptr()), 0);
            let wrote = libc::write(fds[1], ptr::without_provenance(page), 1);
            libc::close(fds[0]);
            libc::close(fds[1]);
            wrote == 1
        }
    };
    while is_mapped(page - 4096) {
        page -= 4096;
    }
    page
}

fn ends_with_a_message(texts: &[&str]) -> impl Fn(Kind, usize, &Output, &str) {
    move |kind, procs, out, said| {
        let what = format!("{kind:?} with {procs} procs: {:?}: {said}", out.status);
        assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{what}");
        texts.iter().for_each(|text| assert!(said.contains(text), "no {text:?} in {what}"));
    }
}

#[test]
fn a_handler_without_the_flag_runs_on_the_alternate_stack_of_every_thread() {
    in_children(
        "a_handler_without_the_flag_runs_on_the_alternate_stack_of_every_thread",
        |kind, procs| {
            handle(count);
            let runtime = kind.build(Runtime::builder().procs(procs).stack_size(SIZE));
            assert_eq!(handler_without_onstack(), None);
            let main = || {
                let raising = |_| {
                    go(|| {
                        yield_now();
                        raise_at_the_end(bottom());
                    })
                };
                let all: Vec<_> = (0..kind.at_most(20)).map(raising).collect();
                let count = all.len();
                all.into_iter().for_each(|one| one.join().expect("it lives"));
                count
            };
            let count = runtime.run(main).expect("it lives");
            assert_eq!(HANDLED.load(Ordering::Relaxed), count);
            assert_eq!(ON_ALTERNATE.load(Ordering::Relaxed), count);
        },
        succeeds,
    );
}

#[test]
fn a_handler_that_is_left_alone_and_finds_no_room_is_reported() {
    in_children(
        "a_handler_that_is_left_alone_and_finds_no_room_is_reported",
        |kind, procs| {
            handle(count);
            let builder = Runtime::builder().procs(procs).stack_size(SIZE).without_onstack_flags();
            let main = || {
                assert_eq!(handler_without_onstack(), Some(libc::SIGUSR1));
                go_named("narrow", || raise_at_the_end(bottom())).join().expect("it is aborted");
            };
            kind.build(builder).run(main).expect("it is aborted");
        },
        ends_with_a_message(&[
            "stack overflow: the stack of goroutine",
            " narrow, started at ",
            " bytes, is too full for a signal: ",
            ": of signal 10 (install",
        ]),
    );
}

#[test]
fn a_handler_that_is_installed_while_goroutines_run_is_given_the_flag() {
    in_children(
        "a_handler_that_is_installed_while_goroutines_run_is_given_the_flag",
        |kind, procs| {
            let main = || {
                handle(count);
                let begun = Instant::now();
                while handler_without_onstack().is_some() {
                    assert!(begun.elapsed() < Duration::from_secs(20), "sysmon looks no more");
                    sleep(Duration::from_millis(5));
                }
                // At once, if asked.
                handle(count);
                add_onstack_flags();
                go(|| raise_at_the_end(bottom())).join().expect("it lives");
                assert_eq!(ON_ALTERNATE.load(Ordering::Relaxed), 1);
            };
            kind.build(Runtime::builder().procs(procs).stack_size(SIZE)).run(main).expect("lives");
        },
        succeeds,
    );
}

#[test]
fn a_handler_that_fills_the_stack_for_signals_is_reported_with_the_goroutine() {
    in_children(
        "a_handler_that_fills_the_stack_for_signals_is_reported_with_the_goroutine",
        |kind, procs| {
            handle(fill);
            let main = || go_named("interrupted", raise).join().expect("it is aborted");
            kind.with_procs(procs).run(main).expect("it is aborted");
        },
        ends_with_a_message(&[
            "stack overflow: a signal handler has filled the alternate signal stack",
            ", while it ran goroutine",
            " interrupted, started at ",
        ]),
    );
}

#[test]
fn an_overflow_comes_through_after_signals_on_a_full_stack() {
    in_children(
        "an_overflow_comes_through_after_signals_on_a_full_stack",
        |kind, procs| {
            handle(count);
            let main = || {
                go(|| raise_at_the_end(bottom())).join().expect("it lives");
                go_named("bottomless", || deep(1)).join().expect("it is aborted");
            };
            kind.build(Runtime::builder().procs(procs).stack_size(SIZE)).run(main).unwrap();
        },
        ends_with_a_message(&["stack overflow: goroutine", " bottomless, started at "]),
    );
}

#[test]
fn threads_of_the_runtime_have_room_for_a_handler_and_others_what_they_had() {
    in_children(
        "threads_of_the_runtime_have_room_for_a_handler_and_others_what_they_had",
        |kind, procs| {
            let own = alternate();
            let builder = Runtime::builder().procs(procs).lock_main_thread();
            let main = || {
                assert_eq!(alternate(), own, "a thread's own is left alone");
                let (_, size, _) = go(alternate).join().unwrap().expect("one");
                assert!(size >= 64 << 10, "{size}");
            };
            kind.build(builder).run(main).unwrap();
            assert_eq!(alternate(), own);
        },
        succeeds,
    );
}

/// A thread of C's has no alternate stack, and has it when it runs goroutines.
extern "C" fn runs(_: *mut libc::c_void) -> *mut libc::c_void {
    assert_eq!(alternate(), None);
    for locked in [true, false] {
        let builder = Runtime::builder().procs(1);
        let builder = if locked { builder.lock_main_thread() } else { builder };
        builder.build().unwrap().run(|| assert!(alternate().is_some())).unwrap();
        assert_eq!(alternate(), None, "what was lent is taken back");
    }
    // A scheduler that runs goroutines on the thread that calls `run`.
    let source = Box::leak(Box::new(g0_stack::SlabSource::new()));
    let scheduler: &'static g0_sched::Scheduler<Hosted> =
        Box::leak(Box::new(g0_sched::Scheduler::new(g0_sched::Config {
            procs: Box::leak(Box::new([g0_sched::Proc::new()])),
            machines: &[],
            more: g0_sched::More::ALLOCATED,
            stacks: source,
            stack: g0_stack::Class::for_size(64 << 10).unwrap(),
            mobility: g0_sched::Mobility::EXCLUSIVE,
            symmetric: true,
        })));
    assert!(scheduler.run(|| assert!(alternate().is_some())).is_ok());
    assert_eq!(alternate(), None);
    ptr::null_mut()
}

#[test]
fn a_thread_of_c_that_calls_run_is_lent_a_stack_for_the_run() {
    // SAFETY: starts a thread and waits for it.
    unsafe {
        let mut thread = 0;
        assert_eq!(libc::pthread_create(&mut thread, ptr::null(), runs, ptr::null_mut()), 0);
        assert_eq!(libc::pthread_join(thread, ptr::null_mut()), 0);
    }
}
