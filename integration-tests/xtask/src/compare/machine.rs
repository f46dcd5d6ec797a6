//! Where a comparison ran: a figure says nothing without it.

use super::golang;
use std::fs;

/// Processor, CPUs, kernel and the version of Go, in one line.
pub fn line() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(1, |n| n.get());
    format!(
        "{}, {cpus} CPU{}, Linux {}, Go {}",
        model(&cpuinfo),
        if cpus == 1 { "" } else { "s" },
        version(&kernel),
        golang::VERSION
    )
}

/// The processor's name as it gives it itself.
fn model(cpuinfo: &str) -> &str {
    let of = |line: &'static str| {
        cpuinfo.lines().find_map(move |l| l.strip_prefix(line)?.trim_start().strip_prefix(':'))
    };
    of("model name").map_or(std::env::consts::ARCH, str::trim)
}

/// Major and minor version; what follows is the distributor's.
fn version(release: &str) -> String {
    let numbers: Vec<&str> = release.trim().split(|c: char| !c.is_ascii_digit()).take(2).collect();
    numbers.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_and_the_kernel_are_named_shortly() {
        assert_eq!(model("processor\t: 0\nmodel name\t: Some CPU 9 \nflags\t: a\n"), "Some CPU 9");
        assert_eq!(model("processor\t: 0\n"), std::env::consts::ARCH);
        assert_eq!(version("6.18.44-some-thing\n"), "6.18");
    }
}
