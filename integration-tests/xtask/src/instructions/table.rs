//! The table, and what becomes of a row that has risen.

use std::fmt;

/// A rise that is meant: the row and its runtime, by how many per cent at most, and what it buys.
type Accepted = (&'static str, f64, &'static str);

/// The accepted rises over the tree that changes are compared with now. Empty when that tree is this one.
pub const ACCEPTED: &[Accepted] = &[];

/// Per cent that a row may rise.
const LIMIT: f64 = 1.0;

/// A row of the table: instructions of an operation.
pub struct Line {
    /// The row and its runtime.
    pub row: String,
    /// In the other tree, if there is one.
    pub before: Option<f64>,
    /// In this tree.
    pub after: f64,
}

impl Line {
    /// Per cent more than before.
    fn rise(&self) -> Option<f64> {
        self.before.map(|before| 100.0 * (self.after / before - 1.0))
    }
}

/// Prints what stands above the lines.
pub fn head(compared: bool) {
    let (row, what) = ("row", "instructions");
    if compared {
        println!("  {row:<29} {:>9} {:>9} {:>9}", "before", "after", "%");
    } else {
        println!("  {row:<29} {what:>12}");
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { row, after, .. } = self;
        match (self.before, self.rise()) {
            (Some(before), Some(rise)) => {
                // A difference that rounds to nothing has no sign.
                let rise = if rise.abs() < 0.05 { 0.0 } else { rise };
                let sign = if rise > 0.0 { "+" } else { "" };
                write!(
                    f,
                    "  {row:<29} {before:>9.1} {after:>9.1} {:>9}",
                    format!("{sign}{rise:.1}")
                )
            }
            _ => write!(f, "  {row:<29} {after:>12.1}"),
        }
    }
}

/// No row has risen by more than the limit or what is accepted of it, and nothing is accepted that is not needed. `all`:
/// the lines are all rows that there are.
pub fn verdict(lines: &[Line], all: bool, accepted: &[Accepted]) -> Result<(), String> {
    if lines.is_empty() {
        return Err("nothing was counted".into());
    }
    let mut errors: Vec<String> = lines.iter().filter_map(|line| judge(line, accepted)).collect();
    let unknown = |row: &str| all && lines.iter().all(|line| line.row != row);
    for (row, ..) in accepted.iter().filter(|(row, ..)| unknown(row)) {
        errors.push(format!("{row}: a rise is accepted, and there is no such row"));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

fn judge(line: &Line, accepted: &[Accepted]) -> Option<String> {
    let (row, rise) = (&line.row, line.rise()?);
    match accepted.iter().find(|(name, ..)| name == row) {
        None if rise > LIMIT => Some(format!("{row}: {rise:.1} % more instructions")),
        None => None,
        Some((_, most, why)) if rise > *most => {
            Some(format!("{row}: {rise:.1} % more instructions; {most} % are accepted: {why}"))
        }
        Some((_, most, why)) if rise <= LIMIT => {
            Some(format!("{row}: {most} % are accepted and no longer needed: {why}"))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(before: f64, after: f64) -> [Line; 1] {
        [Line { row: "yield safe".into(), before: Some(before), after }]
    }

    #[test]
    fn one_per_cent_more_is_too_much() {
        let judge = |before, after| verdict(&line(before, after), true, &[]);
        assert!(judge(1000.0, 1000.0).is_ok() && judge(1000.0, 1009.0).is_ok());
        assert!(judge(1000.0, 500.0).is_ok());
        assert_eq!(judge(1000.0, 1020.0).unwrap_err(), "yield safe: 2.0 % more instructions");
    }

    #[test]
    fn the_worst_row_does_not_hide_the_others() {
        let [good, bad] = [line(10.0, 10.0), line(10.0, 11.0)];
        assert!(verdict(&[good, bad].map(|[line]| line), true, &[]).is_err());
    }

    #[test]
    fn a_rise_is_accepted_up_to_what_was_said_and_while_it_is_needed() {
        let accepted: [Accepted; 1] = [("yield safe", 5.0, "a check")];
        let judge = |after| verdict(&line(100.0, after), true, &accepted);
        assert!(judge(104.0).is_ok());
        assert!(judge(106.0).unwrap_err().contains("5 % are accepted: a check"));
        assert!(judge(100.5).unwrap_err().contains("no longer needed"));
    }

    #[test]
    fn a_rise_of_no_row_is_no_rise() {
        let accepted: [Accepted; 1] = [("yields", 5.0, "")];
        assert!(verdict(&line(1.0, 1.0), true, &accepted).unwrap_err().contains("no such row"));
        assert!(verdict(&line(1.0, 1.0), false, &accepted).is_ok());
    }

    #[test]
    fn counts_alone_pass_and_no_counts_do_not() {
        let alone = Line { row: "yield safe".into(), before: None, after: 1.0 };
        assert!(verdict(&[alone], true, &[]).is_ok());
        assert!(verdict(&[], true, &[]).is_err());
    }

    #[test]
    fn a_difference_of_nothing_has_no_sign() {
        assert!(line(1000.0, 999.9)[0].to_string().ends_with(" 0.0"));
        assert!(line(1000.0, 1100.0)[0].to_string().ends_with(" +10.0"));
        assert!(line(1000.0, 900.0)[0].to_string().ends_with(" -10.0"));
    }
}
