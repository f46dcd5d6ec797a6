//! Dumps: every goroutine, and the backtraces of those that wait.
//!
//! Debug information may have no more than line tables; then names have no path, and places tell.

mod common;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Threads, bounded, on_each_kind, yield_until};
use g0_sched::{
    Mutex, Receiver, Runtime, WaitReason, block_on, channel, dump, go, go_named, grow,
    lock_os_thread, park, scope, select, sleep, stats, yield_now,
};

/// What a dump says of each goroutine, by its first line.
fn parts(said: &str) -> Vec<(String, Vec<String>)> {
    let mut parts: Vec<(String, Vec<String>)> = Vec::new();
    for line in said.lines() {
        if line.starts_with("goroutine ") {
            parts.push((line.to_owned(), Vec::new()));
        } else {
            parts.last_mut().expect("a goroutine first").1.push(line.to_owned());
        }
    }
    parts
}

fn dumped() -> String {
    let mut out = Vec::new();
    dump(&mut out).expect("a vector takes it");
    String::from_utf8(out).expect("text")
}

/// The functions of a backtrace, innermost first.
fn functions(lines: &[String]) -> Vec<&str> {
    let numbered =
        |line: &&String| line.starts_with("    ") && line[4..6].trim().parse::<u8>().is_ok();
    lines.iter().filter(numbered).filter_map(|line| line.split_once(": ")).map(|(_, f)| f).collect()
}

/// The part about the goroutine with this name.
fn of(said: &str, name: &str) -> (String, Vec<String>) {
    let wanted = format!(" ({name}), ");
    let part = parts(said).into_iter().find(|(first, _)| first.contains(&wanted));
    part.unwrap_or_else(|| panic!("no {name} in {said}"))
}

#[inline(never)]
fn waits_for_a_value(rx: &Receiver<u8>) -> u8 {
    let value = between_inlined(rx);
    black_box(value)
}

#[inline(always)]
fn between_inlined(rx: &Receiver<u8>) -> u8 {
    black_box(innermost_of_the_user(black_box(rx)))
}

#[inline(never)]
fn innermost_of_the_user(rx: &Receiver<u8>) -> u8 {
    black_box(rx.recv().unwrap_or(0))
}

#[inline(never)]
fn goes_down(depth: u32, rx: &Receiver<u8>) -> u8 {
    let value = if depth == 0 { rx.recv().unwrap_or(0) } else { goes_down(depth - 1, rx) };
    black_box(value)
}

#[test]
fn a_backtrace_leads_from_the_wait_to_the_entry() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run(|| {
            let (_tx, rx) = channel(0);
            drop(go_named("waiter", move || waits_for_a_value(&rx)));
            yield_until("it waits", || stats().unwrap().goroutines.waiting == 1);
            let said = dumped();
            let (first, lines) = of(&said, "waiter");
            assert!(
                first.contains(" ms: channel receive, started at sched/tests/dump.rs:"),
                "{first}"
            );
            let functions = functions(&lines);
            let at = |name: &str| {
                let found = functions.iter().position(|f| f.contains(name));
                found.unwrap_or_else(|| panic!("no {name} in {said}"))
            };
            let way = [
                at("innermost_of_the_user"),
                at("between_inlined"),
                at("waits_for_a_value"),
                at("entry"),
            ];
            assert!(way.is_sorted(), "{said}");
            let last = functions.last().expect("frames");
            assert!(last.contains("start") || last.contains("entry"), "{last} in {said}");
            assert!(lines.iter().any(|line| line.contains("sched/src/exec/spawn.rs:")), "{said}");
            assert!(!said.contains("no further") && !said.contains("no backtrace"), "{said}");
            assert!(!lines.iter().any(|line| line.contains("/switch.rs:")), "{said}");
            let place =
                |line: &String| line.trim().starts_with("at ") && line.contains("tests/dump.rs:");
            assert!(lines.iter().filter(|line| place(line)).count() >= 4, "{said}");
            // Who asks runs.
            let main = of(&said, "main");
            assert!(main.0.contains("), running, started at ") && main.1.is_empty(), "{said}");
        });
        ended.expect("main returns");
    });
}

/// Waits so many levels further down, each with room for a wait.
#[inline(never)]
fn grows_down(depth: u32, rx: &Receiver<u8>) -> u8 {
    let value = grow::call(40 << 10, || {
        let frame = [0u8; 16 << 10];
        black_box(&frame);
        if depth == 0 { rx.recv().unwrap_or(0) } else { grows_down(depth - 1, rx) }
    });
    black_box(value)
}

#[test]
fn a_backtrace_goes_on_through_segments() {
    on_each_kind(|kind, procs| {
        let runtime = Runtime::builder().procs(procs).stack_size(32 << 10);
        let ended = kind.build(runtime.segment_size(32 << 10)).run(|| {
            let (_tx, rx) = channel(0);
            drop(go_named("deep", move || grows_down(6, &rx)));
            yield_until("it waits", || stats().unwrap().goroutines.waiting == 1);
            assert!(stats().unwrap().segments.in_use > 2);
            let said = grow::call(512 << 10, dumped);
            let (_, lines) = of(&said, "deep");
            let functions = functions(&lines);
            let named = |name: &str| functions.iter().filter(|f| f.contains(name)).count();
            assert!(named("grows_down") >= 7, "{said}");
            let last = functions.last().expect("frames");
            assert!(last.contains("start") || last.contains("entry"), "{last} in {said}");
            assert!(!said.contains("no further") && !said.contains("no backtrace"), "{said}");
        });
        ended.expect("main returns");
    });
}

#[test]
fn each_kind_of_wait_has_its_backtrace() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run(|| {
            let (tx, rx) = channel::<u8>(0);
            let rx2 = rx.clone();
            let mutex = Arc::new(Mutex::new(()));
            let guard = mutex.lock().unwrap();
            let locked = mutex.clone();
            drop(go_named("mutex", move || drop(locked.lock())));
            drop(go_named("sleep", || sleep(Duration::from_secs(1000))));
            drop(go_named("park", park));
            drop(go_named("future", || block_on(std::future::pending::<()>())));
            drop(go_named("select", move || select! { recv(rx2) -> _ => {} }));
            drop(go_named("late", move || rx.recv_timeout(Duration::from_secs(1000))));
            drop(go_named("scope", || scope(|s| drop(s.go(park)))));
            drop(go_named("join", || go(park).join()));
            drop(go_named("locked", || {
                lock_os_thread();
                park();
            }));
            yield_until("all wait", || stats().unwrap().goroutines.waiting == 11);
            let said = dumped();
            for name in
                ["mutex", "sleep", "park", "future", "select", "late", "scope", "join", "locked"]
            {
                let (first, lines) = of(&said, name);
                let reaches = |place: &str| lines.iter().any(|line| line.contains(place));
                // `go(park)` has no code of the test's.
                let reached = name == "park" || reaches("tests/dump.rs:");
                assert!(reached && reaches("sched/src/exec/spawn.rs:"), "{first}: {lines:#?}");
            }
            assert!(!said.contains("no further") && !said.contains("no backtrace"), "{said}");
            drop((guard, tx));
        });
        ended.expect("main returns");
    });
}

#[test]
fn deep_stacks_are_walked() {
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run(|| {
            let (_tx, rx) = channel(0);
            let (_tx2, rx2) = channel(0);
            drop(go_named("deep", move || goes_down(50, &rx)));
            drop(go_named("deeper", move || goes_down(500, &rx2)));
            yield_until("they wait", || stats().unwrap().goroutines.waiting == 2);
            let said = dumped();
            let calls = |name| {
                let (_, lines) = of(&said, name);
                (lines.iter().filter(|line| line.contains("goes_down")).count(), lines)
            };
            let (deep, lines) = calls("deep");
            assert_eq!(deep, 51, "{lines:#?}");
            let (deeper, lines) = calls("deeper");
            assert!(deeper >= 150 && lines.last().unwrap().contains("no further"), "{lines:#?}");
        });
        ended.expect("main returns");
    });
}

#[test]
fn a_watch_dumps_from_any_thread_and_a_runtime_that_has_gone_has_none() {
    on_each_kind(|kind, procs| {
        let runtime = kind.with_procs(procs);
        let watch = runtime.watch();
        let said = |watch: &g0_sched::Watch| {
            let mut out = Vec::new();
            watch.dump(&mut out).expect("a vector takes it");
            String::from_utf8(out).expect("text")
        };
        assert_eq!(said(&watch), "", "it has not begun");
        let during = watch.clone();
        let ended = runtime.run(move || {
            drop(go_named("waits", park));
            yield_until("it waits", || stats().unwrap().goroutines.waiting == 1);
            // From a thread, while main blocks its own.
            let text = std::thread::spawn(move || said(&during)).join().expect("the thread ends");
            assert!(of(&text, "waits").1.len() > 3, "{text}");
        });
        ended.expect("main returns");
        assert_eq!(said(&watch), "", "it has gone");
    });
    let mut out = Vec::new();
    dump(&mut out).expect("a vector takes it");
    assert!(out.is_empty(), "no goroutine asks");
}

#[test]
fn goroutines_may_run_while_they_are_dumped() {
    bounded("a dump under way", || {
        for threads in Threads::ALL {
            let runtime = threads.build(Runtime::builder().procs(2));
            let (watch, over) = (runtime.watch(), Arc::new(AtomicBool::new(false)));
            let (seen, done) = (watch.clone(), over.clone());
            let thread = std::thread::spawn(move || {
                let (mut backtraces, start) = (0, Instant::now());
                while backtraces < 300 && start.elapsed() < Duration::from_secs(20) {
                    let mut out = Vec::new();
                    seen.dump(&mut out).expect("a vector takes it");
                    backtraces += String::from_utf8(out).expect("text").matches("   0: ").count();
                }
                done.store(true, Ordering::SeqCst);
                backtraces
            });
            let ended = runtime.run(move || {
                let all: Vec<_> = (0..20)
                    .map(|i| {
                        let (to, from) = (channel(0), channel(0));
                        let over = over.clone();
                        let echo =
                            go(move || to.1.iter().for_each(|v: u8| from.0.send(v).unwrap()));
                        go(move || {
                            while !over.load(Ordering::SeqCst) {
                                to.0.send(1).unwrap();
                                from.1.recv().unwrap();
                                if i % 4 == 0 {
                                    go(yield_now).join().unwrap();
                                }
                            }
                            drop(to.0);
                            echo.join().unwrap();
                        })
                    })
                    .collect();
                all.into_iter().for_each(|one| one.join().unwrap());
            });
            ended.expect("main returns");
            assert!(thread.join().expect("the thread ends") >= 300, "backtraces at all");
            assert_eq!(watch.stats().goroutines.waiting_for(WaitReason::Send), 0);
        }
    });
}

/// Asks the watch whenever it is written to, and waits.
struct Asks(g0_sched::Watch, String);

impl std::io::Write for Asks {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        assert!(self.0.stats().goroutines.waiting >= 1);
        let mut inner = Vec::new();
        self.0.dump(&mut inner)?;
        assert!(String::from_utf8(inner).expect("text").contains(" (waits), "));
        yield_now();
        self.1.push_str(std::str::from_utf8(bytes).expect("text"));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_a_dump_is_written_to_may_ask_the_watch() {
    on_each_kind(|kind, procs| {
        let runtime = kind.with_procs(procs);
        let watch = runtime.watch();
        let ended = runtime.run(move || {
            drop(go_named("waits", park));
            yield_until("it waits", || stats().unwrap().goroutines.waiting == 1);
            let mut out = Asks(watch.clone(), String::new());
            watch.dump(&mut out).expect("it takes all");
            assert!(of(&out.1, "waits").1.len() > 3, "{}", out.1);
            let thread = std::thread::spawn(move || {
                let mut out = Asks(watch.clone(), String::new());
                watch.dump(&mut out).expect("it takes all");
                out.1
            });
            let said = thread.join().expect("the thread ends");
            assert!(of(&said, "waits").1.len() > 3, "{said}");
        });
        ended.expect("main returns");
    });
}

#[test]
fn a_dump_that_takes_long_keeps_no_runtime() {
    struct Slow(std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<()>, usize);
    impl std::io::Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.2 == 0 {
                self.0.send(()).expect("main waits");
                self.1.recv().expect("the run ends");
            }
            self.2 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    on_each_kind(|kind, procs| {
        let runtime = kind.with_procs(procs);
        let watch = runtime.watch();
        let (writes, written) = std::sync::mpsc::channel();
        let (over, is_over) = std::sync::mpsc::channel();
        let ended = runtime.run(move || {
            for _ in 0..20 {
                drop(go_named("waits", park));
            }
            yield_until("they wait", || stats().unwrap().goroutines.waiting == 20);
            let thread = std::thread::spawn(move || {
                let mut out = Slow(writes, is_over, 0);
                watch.dump(&mut out).map(|()| out.2)
            });
            written.recv().expect("it is written to");
            thread
        });
        let thread = ended.expect("main returns");
        over.send(()).expect("it waits for this");
        let said = thread.join().expect("the thread ends").expect("it takes all");
        // The first goroutine at least; no more if the runtime has gone.
        assert_ne!(said, 0);
    });
}

#[test]
fn a_dump_ends_with_the_error_or_the_panic_of_what_it_is_written_to() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    struct Bad;
    impl std::io::Write for Bad {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            common::quiet_panic("the writer")
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    on_each_kind(|kind, procs| {
        let runtime = kind.with_procs(procs);
        let watch = runtime.watch();
        let ended = runtime.run(move || {
            let full = watch.dump(Full).map_err(|error| error.kind());
            assert_eq!(full, Err(std::io::ErrorKind::StorageFull));
            assert_eq!(common::panic_text(|| watch.dump(Bad)), "the writer");
            assert_eq!(watch.stats().goroutines.all(), 1);
            assert_eq!(dump(Full).map_err(|error| error.kind()), full);
        });
        ended.expect("main returns");
    });
}
