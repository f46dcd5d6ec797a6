//! Whole schedulers in random schedules: `cargo xtask soak --shuttle`, or this program by itself.
//!
//! Loom explores a few threads in every order, within a bound; here a thousand goroutines on eight Ps
//! are run in one order after another, each chosen at random, step by step, by shuttle. The scheduler
//! is the shipped one, executor, sysmon and all; its goroutines do at random what goroutines do. A
//! schedule is a seed: what fails is printed with it, and fails again with it.
//!
//! What shuttle does not see: weak memory. Every access is sequentially consistent to it, whatever
//! ordering the source asks for, and a fence does nothing. That is loom's part.

#[cfg(g0_shuttle)]
mod mix;
#[cfg(g0_shuttle)]
mod platform;
#[cfg(g0_shuttle)]
mod soak;

#[cfg(g0_shuttle)]
fn main() -> std::process::ExitCode {
    soak::main()
}

#[cfg(not(g0_shuttle))]
fn main() -> std::process::ExitCode {
    eprintln!("g0-shuttle: built without shuttle; `cargo xtask soak --shuttle` builds and runs it");
    std::process::ExitCode::FAILURE
}
