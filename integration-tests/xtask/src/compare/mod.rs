//! `cargo xtask compare [NAME…]`: g0 and its peers, side by side in one run.
//!
//! Machines differ and are noisy: a figure is only comparable inside one run. So for each row every program that has it is
//! started in turns, one process a sample, the order rotated from run to run, and the medians are compared. The rows,
//! their loops and the programs' protocol stand in `integration-tests/peers/README.md`.
//!
//! A peer that is not there is `absent`, and g0 above its target is `short`; both are results, reported as they are.
//! That g0's own side cannot be measured is an error.

mod against;
mod golang;
mod lines;
mod machine;
mod options;
mod plot;
mod programs;
pub mod rows;
mod samples;
mod saved;
mod stats;
mod table;
mod unit;

use crate::report::Report;
use lines::{compare, g0_of};
pub use options::Options;
use programs::Program;
use table::Line;

/// Measures, or reads what was measured before, prints the rows, and saves and draws them where that was asked for.
pub fn run(report: &mut Report, options: &Options) {
    if let Some(other) = &options.against {
        return against::run(report, options, other);
    }
    let mut result = (machine::line(), Vec::new());
    match &options.from {
        None => result.1 = measure(report, options),
        Some(file) => {
            let read = report.step("compare: read", || {
                let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
                result = saved::read(&text).map_err(|e| format!("{file}: {e}"))?;
                result.1.retain(|line| options.wants(line.row));
                Ok(())
            });
            if !read {
                return;
            }
        }
    }
    let (machine, lines) = result;
    println!("\n{machine}");
    table::print(&lines);
    let mut save = |name, file: &Option<String>, text: &dyn Fn() -> Result<String, String>| {
        let Some(file) = file else { return };
        report.step(name, || std::fs::write(file, text()?).map_err(|e| format!("{file}: {e}")));
    };
    save("compare: json", &options.json, &|| Ok(saved::write(&machine, &lines)));
    save("compare: plot", &options.plot, &|| plot::draw(&machine, &lines));
}

/// The lines of all rows that are wanted.
fn measure(report: &mut Report, options: &Options) -> Vec<Line> {
    let mut programs = Vec::new();
    report.step("compare: g0", || {
        programs.push(Program::g0()?);
        Ok(())
    });
    let mut absent = Vec::new();
    report.step("compare: peers", || {
        for (name, program) in Program::peers(options.install) {
            match program {
                Ok(program) => programs.push(program),
                Err(reason) => {
                    println!("  {name} is absent: {reason}");
                    absent.push((name, reason));
                }
            }
        }
        Ok(())
    });
    let mut lines = Vec::new();
    for same in options.measurements() {
        let first = same[0];
        report.step(&format!("compare: {}", first.entry), || {
            let samples = samples::take(first, &samples::entries(first, &programs), options.runs);
            lines.extend(same.iter().flat_map(|row| compare(row, &samples, &absent)));
            same.iter().try_for_each(|row| g0_of(row.kind, &samples).map(|_| ()))
        });
    }
    lines
}
