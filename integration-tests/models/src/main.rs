//! Runs the models: `cargo xtask loom [NAME…] [--deep]`, or this program by itself.
//!
//! Each model is a few threads that call the shipped core of `g0-sched`, built with `--cfg loom`,
//! and loom runs them in every order with at most so many preemptions. See the README for what
//! that says and what it does not.

#[cfg(loom)]
mod bridge;
#[cfg(loom)]
mod channel;
#[cfg(loom)]
mod claim;
#[cfg(loom)]
mod deadlock;
#[cfg(loom)]
mod defer;
#[cfg(loom)]
mod exec;
#[cfg(loom)]
mod extra;
#[cfg(loom)]
mod global;
#[cfg(loom)]
mod grow;
#[cfg(loom)]
mod handoff;
#[cfg(loom)]
mod idle;
#[cfg(loom)]
mod interrupts;
#[cfg(loom)]
mod label;
#[cfg(loom)]
mod left;
#[cfg(loom)]
mod locked;
#[cfg(loom)]
mod locks;
#[cfg(loom)]
mod mutex;
#[cfg(loom)]
mod procs;
#[cfg(loom)]
mod reports;
#[cfg(loom)]
mod runner;
#[cfg(loom)]
mod runq;
#[cfg(loom)]
mod select;
#[cfg(loom)]
mod shrink;
#[cfg(loom)]
mod sysmon;
#[cfg(loom)]
mod timers;
#[cfg(loom)]
mod turns;
#[cfg(loom)]
mod unwinds;
#[cfg(loom)]
mod wakes;
#[cfg(loom)]
mod world;

#[cfg(loom)]
fn main() -> std::process::ExitCode {
    runner::main(&[
        claim::MODEL,
        runq::MODEL,
        idle::MODEL,
        handoff::MODEL,
        locked::MODEL,
        left::MODEL,
        bridge::MODEL,
        global::MODEL,
        procs::MODEL,
        deadlock::MODEL,
        extra::MODEL,
        exec::MODEL,
        label::MODEL,
        channel::MODEL,
        mutex::MODEL,
        locks::MODEL,
        select::MODEL,
        timers::MODEL,
        turns::MODEL,
        unwinds::MODEL,
        wakes::MODEL,
        interrupts::MODEL,
        sysmon::MODEL,
        shrink::MODEL,
        reports::MODEL,
        defer::MODEL,
        grow::MODEL,
    ])
}

#[cfg(not(loom))]
fn main() -> std::process::ExitCode {
    eprintln!("g0-models: built without `--cfg loom`; `cargo xtask loom` builds and runs it");
    std::process::ExitCode::FAILURE
}
