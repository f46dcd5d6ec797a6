//! A stack overflow, explained: in a child process, since it ends the process.

use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use g0_sched::{Runtime, current, go_named};

use crate::env::{Env, ensure};

/// The hidden argument that makes this program the child.
pub const CHILD: &str = "--overflow-a-stack";

const NAME: &str = "bottomless";
const STACK: usize = 64 << 10;
/// The child takes no longer.
const LIMIT: Duration = Duration::from_secs(30);

/// Recursion without end, as far as the compiler can see.
#[inline(never)]
fn deeper(n: u64) -> u64 {
    let frame = black_box([n; 32]);
    if black_box(n) == u64::MAX { 0 } else { deeper(n + 1) + frame[(n % 32) as usize] }
}

/// The child's program: says where the goroutine was started and its number, and overflows.
pub fn child() -> ExitCode {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: it reads the limit: no core file shall be left behind.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
    // SAFETY: as in `Env::run`; the one goroutine that prints does not suspend.
    let runtime = unsafe { Runtime::builder().stack_size(STACK).build_migrating() };
    let result = runtime.expect("a runtime").run(|| {
        let line = line!() + 1;
        let handle = go_named(NAME, move || {
            let id = current().map_or(0, |me| me.id());
            let place = format!("{id} {}:{line}\n", file!());
            let _ = std::io::stdout().write_all(place.as_bytes());
            deeper(0)
        });
        handle.join().is_ok()
    });
    eprintln!("the goroutine came back from a bottomless recursion: {result:?}");
    ExitCode::FAILURE
}

pub fn run(env: &Env) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the child process: {error}");
    env.stage("waiting for a child process", 1);
    let program = std::env::current_exe().map_err(failed)?;
    let start = Instant::now();
    let mut child = Command::new(program)
        .arg(CHILD)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if start.elapsed() > LIMIT => {
                child.kill().map_err(failed)?;
                break child.wait().map_err(failed)?;
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    let (mut said, mut message) = (String::new(), String::new());
    // A pipe holds more than the child writes.
    child.stdout.take().expect("a pipe").read_to_string(&mut said).map_err(failed)?;
    child.stderr.take().expect("a pipe").read_to_string(&mut message).map_err(failed)?;
    let message = env.result(message);
    for line in message.lines() {
        println!("      {line}");
    }
    env.figure("the child process ended by", status);

    let (id, place) =
        said.trim().split_once(' ').ok_or("the child did not come to its goroutine")?;
    for (what, text) in [
        ("the goroutine's number and name", format!("goroutine {id} {NAME},")),
        ("where it was started", place.to_owned()),
        ("the remedy", "Builder::stack_size".to_owned()),
    ] {
        ensure(message.contains(&text), || format!("the message lacks {what}: {text:?}"))?;
    }
    // The usable part: a header lies at the top, and some cache lines that are left free.
    let size = message
        .split_once("stack of")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    ensure(size.is_some_and(|size: usize| (STACK - 4096..=STACK).contains(&size)), || {
        format!("the message lacks the size of its stack, about {STACK} bytes")
    })?;
    ensure(status.signal() == Some(libc::SIGABRT), || format!("not ended by SIGABRT: {status}"))
}
