//! What is not run under a checker, and why.

use super::Checker::{self, Address, Thread, Valgrind};
use super::build::Program;

/// A test, or a whole test program, that is left out.
pub struct Left {
    checkers: &'static [Checker],
    program: &'static str,
    /// Empty: all of it.
    pub test: &'static str,
    why: &'static str,
}

const ALL: &[Checker] = &[Address, Thread, Valgrind];

/// All that is left out.
pub const LEFT_OUT: &[Left] = &[
    Left {
        checkers: ALL,
        program: "arch/gdb",
        test: "",
        why: "drives a debugger, which follows no announcement",
    },
    Left {
        checkers: ALL,
        program: "arch/backtrace",
        test: "",
        why: "stacks that it does not announce",
    },
    Left { checkers: ALL, program: "arch/call", test: "", why: "stacks that it does not announce" },
    Left {
        checkers: ALL,
        program: "arch/switch",
        test: "",
        why: "stacks that it does not announce",
    },
    Left {
        checkers: ALL,
        program: "integration-tests/tour",
        test: "",
        why: "a million goroutines, and faults on purpose",
    },
];

impl Left {
    /// Whether this is a test of the program that the checker does not run.
    pub fn holds(&self, checker: Checker, program: &str) -> bool {
        self.checkers.contains(&checker) && self.program == program && !self.test.is_empty()
    }
}

/// Whether the checker does not run the program at all.
pub fn whole(checker: Checker, program: &str) -> bool {
    LEFT_OUT.iter().any(|left| {
        left.checkers.contains(&checker) && left.program == program && left.test.is_empty()
    })
}

/// Prints the list. What it names must be there.
pub fn print(checker: Checker, programs: &[Program]) -> Result<(), String> {
    for left in LEFT_OUT.iter().filter(|left| left.checkers.contains(&checker)) {
        let Left { program, test, why, .. } = left;
        let colons = if test.is_empty() { "" } else { "::" };
        println!("  not run: {program}{colons}{test}: {why}");
        if !programs.iter().any(|p| p.name == *program) {
            return Err(format!("there is no test program {program}"));
        }
    }
    Ok(())
}
