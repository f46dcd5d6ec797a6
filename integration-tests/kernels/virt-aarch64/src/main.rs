//! The smallest port: one bare aarch64 core.
#![no_std]
#![no_main]

mod boot;
mod contexts;
mod foreign;
mod platform;

use core::panic::PanicInfo;

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
    foreign::run();
    say!("every check held");
    platform::exit(0)
}

/// A panic is the end: there is nothing that unwinds here.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say!("{info}");
    platform::exit(101)
}
