//! The steps of a run: each is announced, timed and judged, and the table at the end has them all.

use std::time::Instant;

/// So many lines of an error are said again at the end.
const LINES: usize = 8;

/// A step that ran.
struct Step {
    name: String,
    seconds: f64,
    /// Why it failed.
    error: Option<String>,
}

/// The steps of one run, in order.
#[derive(Default)]
pub struct Report {
    steps: Vec<Step>,
}

impl Report {
    /// Runs one step. Its error is printed at once, and in short behind the table; the steps behind it run all the same.
    pub fn step(&mut self, name: &str, check: impl FnOnce() -> Result<(), String>) -> bool {
        println!("==> {name}");
        let start = Instant::now();
        let error = check().err();
        let seconds = start.elapsed().as_secs_f64();
        if let Some(error) = &error {
            println!("{error}");
        }
        let ok = error.is_none();
        println!("<== {name}: {}, {seconds:.1} s", verdict(ok));
        self.steps.push(Step { name: name.into(), seconds, error });
        ok
    }

    /// Prints the table. The run passed when there was a step and every step passed.
    pub fn finish(&self) -> bool {
        let width = self.steps.iter().map(|s| s.name.len()).max().unwrap_or(4).max(4);
        println!("\n{:<width$}  {:>8}", "step", "seconds");
        for step in &self.steps {
            println!(
                "{:<width$}  {:>8.1}  {}",
                step.name,
                step.seconds,
                verdict(step.error.is_none())
            );
        }
        let failed = self.steps.iter().filter(|s| s.error.is_some()).count();
        let seconds: f64 = self.steps.iter().map(|s| s.seconds).sum();
        println!("{:<width$}  {seconds:>8.1}  {failed} of {} failed", "all", self.steps.len());
        for step in &self.steps {
            for line in step.error.iter().flat_map(|error| error.lines().take(LINES)) {
                println!("{}: {line}", step.name);
            }
        }
        failed == 0 && !self.steps.is_empty()
    }
}

fn verdict(ok: bool) -> &'static str {
    if ok { "ok" } else { "FAIL" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_red_step_makes_the_run_red_and_the_next_one_still_runs() {
        let mut report = Report::default();
        assert!(report.step("a", || Ok(())));
        assert!(report.finish());
        assert!(!report.step("b", || Err("no".into())));
        assert!(report.step("c", || Ok(())));
        assert!(!report.finish());
    }

    #[test]
    fn a_run_without_steps_proves_nothing() {
        assert!(!Report::default().finish());
    }
}
