//! A program without threads of its own, and with: when `Deadlock::Auto` reports.
//!
//! It has no test harness, for that is a thread too: it starts itself once for each part.

#[path = "../../arch/tests/common/runner.rs"]
mod runner;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use g0_sched::{Runtime, channel, go, offload, sleep};

const PART: &str = "G0_TEST_PART";

/// A name, the part, and what is to come of it.
type Part = (&'static str, fn(), fn(&Output));

const PARTS: [Part; 6] = [
    ("alone", alone, reported),
    ("threads of a pool", threads_of_a_pool, reported),
    ("wired", wired, reported),
    ("a thread sends", a_thread_sends, ended),
    ("a thread ends without a word", a_thread_ends, reported),
    ("another runtime sends", another_runtime_sends, ended),
];

fn main() {
    if let Ok(part) = std::env::var(PART) {
        // SAFETY: a child that hangs is ended by the alarm; nobody wants its core.
        unsafe {
            libc::alarm(30);
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        }
        let part = PARTS.iter().find(|(name, ..)| *name == part).expect("a part of this name");
        return part.1();
    }
    for (name, _, check) in PARTS {
        let out = child(name).output().expect("a child");
        print!("{name} ... ");
        check(&out);
        println!("ok");
    }
}

/// This program, under its emulator where it runs under one.
fn child(part: &str) -> Command {
    let mut command = runner::this_program();
    command.env(PART, part);
    command
}

fn reported(out: &Output) {
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.starts_with("fatal error: deadlock: all goroutines wait for ever\n"), "{said}");
    assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{said}");
}

fn ended(out: &Output) {
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

fn runtime() -> Runtime {
    Runtime::builder().procs(2).build().expect("a runtime")
}

fn alone() {
    let _ = runtime().run(|| {
        let (_tx, rx) = channel::<u8>(0);
        let waits = go(move || rx.recv().is_ok());
        let _ = waits.join();
    });
}

/// Those that ran what was offloaded wait for more, and wake no goroutine.
fn threads_of_a_pool() {
    let _ = runtime().run(|| {
        let all: Vec<_> = (0..3)
            .map(|i| go(move || offload(move || thread::sleep(Duration::from_millis(i * 50)))))
            .collect();
        all.into_iter().for_each(|one| one.join().unwrap());
        let (_tx, rx) = channel::<u8>(0);
        let _ = rx.recv();
    });
}

fn wired() {
    let builder = Runtime::builder().procs(1).lock_main_thread();
    let _ = builder.build().expect("a runtime").run(|| {
        let (_tx, rx) = channel::<u8>(0);
        sleep(Duration::from_millis(1));
        let _ = rx.recv();
    });
}

fn a_thread_sends() {
    let (tx, rx) = channel(0);
    let thread = thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        tx.send(7).unwrap();
    });
    assert_eq!(runtime().run(move || rx.recv()).expect("main returns"), Ok(7));
    thread.join().expect("the thread ends");
}

fn a_thread_ends() {
    let (tx, rx) = channel::<u8>(0);
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        std::mem::forget(tx);
    });
    let _ = runtime().run(move || rx.recv());
}

fn another_runtime_sends() {
    let (tx, rx) = channel(0);
    let other = thread::spawn(move || {
        runtime().run(move || {
            sleep(Duration::from_millis(500));
            tx.send(7).unwrap();
        })
    });
    assert_eq!(runtime().run(move || rx.recv()).expect("main returns"), Ok(7));
    other.join().expect("the thread ends").expect("main returns");
}
