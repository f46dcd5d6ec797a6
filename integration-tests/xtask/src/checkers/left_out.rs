//! What is not run under a checker, and why.

use super::Checker::{self, Address, Thread, Valgrind};
use super::build::Program;

/// Tests that are left out.
pub struct Left {
    checkers: &'static [Checker],
    program: &'static str,
    /// Empty: all of the program.
    tests: &'static [&'static str],
    why: &'static str,
}

const ALL: &[Checker] = &[Address, Thread, Valgrind];
const SANITIZERS: &[Checker] = &[Address, Thread];

const fn program(checkers: &'static [Checker], program: &'static str, why: &'static str) -> Left {
    Left { checkers, program, tests: &[], why }
}

const UNANNOUNCED: &str =
    "switches by hand, and announces nothing; `tools` is the same with announcements";
const SIXTY_LINES: &str =
    "drives the bridge from a runtime of sixty lines, which announces nothing";
const OWN_STACK: &str = "measures frames and stacks, which the checker makes larger";
const MEMORY: &str = "compares the memory in use before and after, and the checker's own grows";
const LIMITED: &str = "limits the memory, and the sanitizer needs some";
const ESCAPES: &str = "throws ten thousands of times, and the frames thrown over fill the sanitizer's shadow of the call stack";
const KEPT: &str = "memory of goroutines that wait is not given back under a checker, to which a stack must not change unasked";
const FAULTS: &str = "faults on purpose, and judges what the process says of it";

/// All that is left out.
pub const LEFT_OUT: &[Left] = &[
    program(ALL, "arch/gdb", "a debugger reads the frames"),
    program(ALL, "arch/backtrace", UNANNOUNCED),
    program(ALL, "arch/call", UNANNOUNCED),
    program(ALL, "arch/switch", UNANNOUNCED),
    program(ALL, "stack/overflow", FAULTS),
    program(ALL, "stack/signals", FAULTS),
    program(ALL, "sched/signals", FAULTS),
    program(ALL, "sched/shrink", KEPT),
    program(ALL, "sched/shrink_rests", KEPT),
    program(ALL, "cgo/sched_overflow", FAULTS),
    program(ALL, "cgo/bad", SIXTY_LINES),
    program(ALL, "cgo/call", SIXTY_LINES),
    program(ALL, "cgo/callback", SIXTY_LINES),
    program(ALL, "cgo/edges", SIXTY_LINES),
    program(ALL, "cgo/export", SIXTY_LINES),
    program(ALL, "cgo/sixty_lines", SIXTY_LINES),
    program(ALL, "cgo/unwind", SIXTY_LINES),
    program(ALL, "cgo/sched_budget", OWN_STACK),
    program(ALL, "cgo/foreign_still", "ends at any system call, and the checker makes some"),
    program(&[Thread, Valgrind], "integration-tests/fault", FAULTS),
    program(
        &[Thread],
        "sched/deadlock_auto",
        "expects a report at once, and the sanitizer's own thread might wake somebody",
    ),
    program(
        &[Valgrind],
        "sched/echo",
        "a library that it uses asks the kernel with an argument that it leaves open",
    ),
    program(ALL, "integration-tests/tour", "a million goroutines, and faults on purpose"),
    Left {
        checkers: &[Thread],
        program: "sched/run_end",
        tests: &["l25_however_many_are_parked_none_is_left_as_long_as_they_end"],
        why: "parks a hundred thousand goroutines, and the sanitizer maps memory for each",
    },
    Left {
        checkers: ALL,
        program: "cgo/sched_unwind",
        tests: &[
            "l8_a_hundred_thousand_panics_over_c_leave_the_thread_as_it_was",
            "l8_a_hundred_thousand_panics_over_c_leave_the_callers_own_locks",
            "l8_a_hundred_thousand_held_panics_leave_the_thread_as_it_was",
            "l8_a_hundred_thousand_held_panics_leave_the_callers_own_locks",
        ],
        why: MEMORY,
    },
    Left {
        checkers: ALL,
        program: "cgo/foreign_ends",
        tests: &["runtimes_that_their_foreign_threads_have_left_are_freed"],
        why: MEMORY,
    },
    Left {
        checkers: ALL,
        program: "sched/after_the_run",
        tests: &["runs_one_after_another_keep_no_threads_and_no_memory"],
        why: MEMORY,
    },
    Left {
        checkers: &[Valgrind],
        program: "cgo/foreign",
        tests: &["l19_with_one_p_a_callback_waits_for_the_goroutine_that_runs"],
        why: "stops a thread that loops at the same place each time, where its P is not taken",
    },
    Left {
        checkers: &[Valgrind],
        program: "stack/slab",
        tests: &["slab_stacks_are_guarded_and_apart"],
        why: FAULTS,
    },
    Left {
        checkers: SANITIZERS,
        program: "sched/bad_sizes",
        tests: &["a_kernel_that_refuses_memory_is_an_error_and_nothing_is_lost"],
        why: LIMITED,
    },
    Left {
        checkers: SANITIZERS,
        program: "stack/packed",
        tests: &["address_space_refused_is_an_error_and_passes"],
        why: LIMITED,
    },
    Left {
        checkers: SANITIZERS,
        program: "sched/threads",
        tests: &["l9_threads_that_end_locked_leave_nothing_behind"],
        why: MEMORY,
    },
    Left {
        checkers: SANITIZERS,
        program: "stack/refused",
        tests: &[
            "address_space_refused_is_an_error",
            "the_mapping_limit_is_an_error_that_names_the_remedy",
        ],
        why: LIMITED,
    },
    Left {
        checkers: &[Thread],
        program: "defer/own",
        tests: &[
            "a_hundred_thousand_panics_meet_without_recursion",
            "a_panic_within_the_cache_takes_no_lock_and_no_memory",
        ],
        why: ESCAPES,
    },
    Left {
        checkers: &[Thread],
        program: "defer/once",
        tests: &["own::l16_each_call_runs_once_in_the_order_of_the_model"],
        why: ESCAPES,
    },
    Left {
        checkers: &[Thread],
        program: "defer/semantics",
        tests: &["suite::recover::own::ten_thousand_recovers_in_a_row_take_no_stack"],
        why: ESCAPES,
    },
];

impl Left {
    fn is_for(&self, checker: Checker, program: &str) -> bool {
        self.checkers.contains(&checker) && self.program == program
    }
}

/// Whether the checker does not run the program at all.
pub fn whole(checker: Checker, program: &str) -> bool {
    LEFT_OUT.iter().any(|left| left.is_for(checker, program) && left.tests.is_empty())
}

/// The tests of the program that the checker does not run.
pub fn tests(checker: Checker, program: &str) -> impl Iterator<Item = &'static str> {
    let here = LEFT_OUT.iter().filter(move |left| left.is_for(checker, program));
    here.flat_map(|left| left.tests).copied()
}

/// Prints the list. What it names must be there.
pub fn print(checker: Checker, programs: &[Program]) -> Result<(), String> {
    for left in LEFT_OUT.iter().filter(|left| left.checkers.contains(&checker)) {
        let Left { program, why, .. } = left;
        if left.tests.is_empty() {
            println!("  {program}: {why}");
        }
        for test in left.tests {
            println!("  {program}, {test}: {why}");
        }
        if !programs.iter().any(|p| p.name == *program) {
            return Err(format!("there is no test program {program}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests_of_this {
    use super::*;

    #[test]
    fn a_program_is_left_out_as_a_whole_or_by_its_tests() {
        assert!(whole(Address, "arch/call") && !whole(Address, "cgo/sched_unwind"));
        assert_eq!(tests(Thread, "cgo/sched_unwind").count(), 4);
        assert_eq!(tests(Thread, "arch/call").count(), 0);
    }
}
