//! `cargo xtask register`: `CONTRIBUTING.md` held against the source.
//!
//! ```text
//!   CONTRIBUTING.md ── page     sections, tables, pictures, names in backticks
//!                       │
//!              rows     │ the register: ids, statements, keepers, checks, models, mutants
//!              names    │ every name in backticks and every `name()` of a picture
//!                       │
//!   the repository ── source    files, functions, words
//!                       ├── quotes      invariants that are stated, and cited
//!                       └── evidence    scenarios, mutants
//! ```
//!
//! The register has one row for each invariant in either of its tables:
//!
//! ```text
//! | id | statement | keeper | check at run time |
//! | L5 | A P has one owner. | `a.rs`: `fn b`, `fn c`; `d.rs`: `fn e` | debug: `a.rs`: `fn b` |
//! | id | models | mutants |
//! | L5 | `claim`, `procs/fewer` | `claim-no-generation` |
//! ```
//!
//! The keeper that is named first has the statement, as the beginning of a block quote `> **L5** …`; every other file that
//! has a quote with the id is named too. A check is of `all builds`, of `debug` builds, of `models`, or there is `none`,
//! and why. A model by itself stands for all its scenarios, each of which names the invariant; none that does is left out.
//! The mutants are those whose patches name the invariant.

mod evidence;
mod names;
mod page;
#[cfg(test)]
mod planted;
mod quotes;
mod rows;
mod source;

use crate::report::Report;
use page::Page;
use source::Source;

/// What is checked.
const PAGE: &str = "CONTRIBUTING.md";

/// How many invariants there are: L1 to this one.
const INVARIANTS: u32 = 27;

/// Checks the page.
pub fn run(report: &mut Report) {
    report.step("register", || {
        let source = Source::read()?;
        let text = source.text(PAGE).ok_or_else(|| format!("{PAGE} does not exist"))?;
        let faults = faults(text, &source, INVARIANTS);
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    });
}

/// All that is wrong with the page.
fn faults(text: &str, source: &Source, invariants: u32) -> Vec<String> {
    let page = Page::read(text);
    let mut faults = rows::faults(&page, source, invariants);
    faults.extend(names::faults(&page, source));
    faults
}
