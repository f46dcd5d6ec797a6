//! What `cargo xtask instructions` counts: `count ROW RUNTIME OPERATIONS` performs so many operations and ends.
//!
//! The count of a row is the difference of two such runs, so that what comes before and after the operations falls out
//! of it. This program is built against two trees, one of which may be older than this source: it calls nothing but
//! what the crates publish, and what another tree may publish under another name stands in `names.rs` alone. Its
//! foreign functions are Rust's, behind pointers that the compiler knows nothing about, so it needs no C compiler.

mod bridge;
mod goroutines;
mod names;
mod sync;

use names::{RUNTIMES, on_one_p};
use std::process::ExitCode;

/// A row: its name, how many operations of it are worth counting, and what performs so many on the main goroutine.
///
/// A run that is otherwise equal differs by up to two thousand instructions (mostly sysmon's, which looks around by the
/// clock): the operations of a row make up five million or more.
type Row = (&'static str, u64, fn(u64));

const ROWS: [Row; 16] = [
    ("yield", 50_000, goroutines::yields),
    ("spawn-join", 10_000, goroutines::spawn_join),
    ("spawn-many", 10_000, goroutines::spawn_many),
    ("channel", 10_000, sync::receivers_wait),
    ("channel-send-waits", 10_000, sync::senders_wait),
    ("buffered", 50_000, sync::buffered),
    ("select", 10_000, sync::select),
    ("mutex", 300_000, sync::mutex),
    ("call", 150_000, bridge::call),
    ("callback", 50_000, bridge::callback),
    ("foreign-callback", 50_000, bridge::foreign_callback),
    ("timer", 10_000, sync::timer),
    ("timer-fires", 10_000, goroutines::timer_fires),
    ("defer", 50_000, goroutines::defer_one),
    ("defer-many", 50_000, goroutines::defer_many),
    ("lock", 150_000, goroutines::lock),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["--list"] => {
            for (name, operations, _) in ROWS {
                RUNTIMES.iter().for_each(|runtime| println!("{name} {runtime} {operations}"));
            }
            ExitCode::SUCCESS
        }
        [name, runtime, operations] if RUNTIMES.contains(&runtime) => {
            let row = ROWS.iter().find(|row| row.0 == name);
            let (Some((.., perform)), Ok(operations)) = (row, operations.parse()) else {
                return usage();
            };
            on_one_p(runtime, || perform(operations));
            ExitCode::SUCCESS
        }
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("count --list | ROW RUNTIME OPERATIONS");
    ExitCode::from(2)
}
