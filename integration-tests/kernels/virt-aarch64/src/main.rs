//! The smallest port of g0: goroutines on one bare aarch64 core, in static memory.
//!
//! The core runs [`start`] on its system stack, which becomes the g0 of the only M. Everything the
//! scheduler is made of lies in the statics below; the rest of the image uses it.
#![no_std]
#![no_main]

mod alarm;
mod boot;
mod contexts;
mod foreign;
mod futures;
mod goroutines;
mod interrupts;
mod platform;
mod segments;

use core::panic::PanicInfo;

use g0_sched::{Config, Ended, M, Mobility, More, Proc, Scheduler};
use g0_stack::{Class, StaticSource};
use platform::Virt;

/// Goroutines that can live at a time, main included.
const GOROUTINES: usize = 16;
const STACK: usize = 32 << 10;

// SAFETY: no goroutine of this image recurses, and none uses more than half of its stack: `look_at_stacks`.
static STACKS: StaticSource<GOROUTINES, STACK> = unsafe { StaticSource::new() }.painted();

/// Segments by which stacks grow.
const SEGMENTS: usize = 12;
const SEGMENT: usize = 64 << 10;

// SAFETY: what runs on them asks for what it needs, by `grow::call`.
static MORE_STACK: StaticSource<SEGMENTS, SEGMENT> = unsafe { StaticSource::new() };

static PROCS: [Proc; 1] = [Proc::new()];
static MACHINES: [M; 1] = [M::new()];
static SCHEDULER: Scheduler<Virt> = Scheduler::new(Config {
    procs: &PROCS,
    machines: &MACHINES,
    more: More::NONE,
    stacks: &&STACKS,
    stack: class(STACK),
    // One core: there is nowhere to go, and with one M a goroutine that is parked in a callback
    // must not keep the others from running.
    // SAFETY: this program has no thread-locals.
    mobility: unsafe { Mobility::pinned() },
    symmetric: true,
})
.segments(&&MORE_STACK, class(SEGMENT), SEGMENTS * SEGMENT);

const fn class(size: usize) -> Class {
    match Class::for_size(size) {
        Ok(class) => class,
        Err(_) => panic!("it is the size of a stack"),
    }
}

/// The scheduler's functions for this platform.
mod rt {
    g0_sched::platform!(crate::platform::Virt);
}

/// Prints a line on the serial port.
macro_rules! say {
    ($($arg:tt)*) => {{
        use core::fmt::Write as _;
        // The port takes everything; its `write_str` has no error to give.
        let _ = writeln!($crate::platform::Serial, $($arg)*);
    }};
}
pub(crate) use say;

/// The first function in Rust, on the core's system stack.
extern "C" fn start() -> ! {
    say!("g0 on one aarch64 core");
    contexts::run();
    interrupts::init();
    let ended = SCHEDULER.run(|| {
        goroutines::run();
        segments::run();
        foreign::run();
        futures::run();
    });
    match ended {
        Ok(Ended { result: Some(Ok(())), left_behind: 0, .. }) => look_at_stacks(),
        other => panic!("the scheduler ended otherwise: {other:?}"),
    }
    say!("every check held");
    platform::exit(0)
}

/// What was promised of the stacks.
fn look_at_stacks() {
    let used = STACKS.high_water().expect("goroutines have run");
    say!("of a stack of {STACK} bytes at most {used} were used");
    assert!(used <= STACK / 2, "half of a stack is not room enough");
}

/// A panic is the end: nothing unwinds here.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say!("{info}");
    platform::exit(101)
}
