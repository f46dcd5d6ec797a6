//! The Rust peers of the comparison: `g0-peers --list`, `g0-peers ROW/PEER`.
//!
//! README.md beside this has the protocol and, row by row, the loop that every peer runs.

mod coroutines;
mod fibers;
mod floor;
mod memory;
mod tasks;
mod timing;

use std::process::ExitCode;

/// Measures a row.
type Measure = fn() -> f64;

/// Every row.
const ROWS: [(&str, Measure); 16] = [
    ("switch/corosensei", fibers::switch),
    ("parked/corosensei", fibers::parked),
    ("yield/may", coroutines::yields),
    ("spawn-join/may", coroutines::spawn_join),
    ("spawn-1000/may", coroutines::spawn_1000),
    ("channel/may-mpsc", coroutines::channel_mpsc),
    ("channel/may-spsc", coroutines::channel_spsc),
    ("parked/may", coroutines::parked),
    ("yield/tokio", tasks::yields),
    ("spawn-join/tokio", tasks::spawn_join),
    ("spawn-1000/tokio", tasks::spawn_1000),
    ("channel/tokio", tasks::channel),
    ("buffered/tokio", tasks::buffered),
    ("parked/tokio", tasks::parked),
    ("create-1m/tokio", tasks::create),
    ("create-1m-floor", floor::create),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let known = |name| ROWS.iter().find(|(row, _)| *row == name);
    match words[..] {
        ["--list"] => ROWS.iter().for_each(|(row, _)| println!("{row}")),
        [name] if known(name).is_some() => {
            let (row, measure) = known(name).expect("just looked up");
            println!("{row} {:.3}", measure());
        }
        _ => {
            eprintln!("g0-peers --list | ROW");
            return ExitCode::from(2);
        }
    }
    // Parked coroutines are not woken to be ended: the process is.
    std::process::exit(0);
}
