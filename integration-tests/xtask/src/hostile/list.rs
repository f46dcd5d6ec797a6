//! The list of programs, and whether one ended as the list says.

use crate::run::Output;

/// How a program must end.
#[derive(Debug, PartialEq, Eq)]
pub enum Ends {
    Holds,
    Aborts(String),
    HoldsOrAborts(String),
    Found(String),
}

/// A program that the list names.
#[derive(Debug)]
pub struct Program {
    pub name: String,
    pub kinds: Vec<String>,
    pub ends: Ends,
}

/// Reads a line of the list.
pub fn read(line: &str) -> Result<Program, String> {
    let words: Vec<&str> = line.split('\t').collect();
    let [name, kinds, how, text] = words[..] else {
        return Err(format!("not a line of the list: {line:?}"));
    };
    let ends = match how {
        "holds" => Ends::Holds,
        "aborts" => Ends::Aborts(text.into()),
        "holds or aborts" => Ends::HoldsOrAborts(text.into()),
        "found" => Ends::Found(text.into()),
        _ => return Err(format!("{name} ends in an unknown way: {how}")),
    };
    let kinds = kinds.split(',').map(String::from).collect();
    Ok(Program { name: name.into(), kinds, ends })
}

/// Whether a program ended as it must.
pub fn as_expected(ends: &Ends, out: &Output) -> bool {
    let report = out.stderr.contains("ERROR: AddressSanitizer");
    let holds = out.success && out.stdout.contains(": held: ");
    let aborts = |text: &String| out.ending.ends_with("signal 6") && out.stderr.contains(text);
    match ends {
        Ends::Holds => !report && holds,
        Ends::Aborts(text) => !report && aborts(text),
        Ends::HoldsOrAborts(text) => !report && (holds || aborts(text)),
        Ends::Found(text) => !out.success && report && out.stderr.contains(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(success: bool, ending: &str, stdout: &str, stderr: &str) -> Output {
        let [ending, stdout, stderr] = [ending, stdout, stderr].map(String::from);
        Output { success, signal: None, ending, stdout, stderr }
    }

    #[test]
    fn a_line_of_the_list_has_name_kinds_and_end() {
        let program = read("overflow\tpinned,migrating\taborts\tstack overflow").unwrap();
        assert_eq!((program.name.as_str(), program.kinds.len()), ("overflow", 2));
        assert_eq!(program.ends, Ends::Aborts("stack overflow".into()));
        assert!(read("overflow\tpinned\tsomehow\t").is_err() && read("overflow").is_err());
    }

    #[test]
    fn a_program_ends_as_it_must_or_fails() {
        let held = out(true, "exit status 0", "a b 1: held: all\n", "");
        let silent = out(true, "exit status 0", "", "");
        let found = out(
            false,
            "`hostile` ended with exit status: 66",
            "",
            "ERROR: AddressSanitizer: use-after-free",
        );
        let died = out(false, "`hostile` was killed by signal 6", "", "g0: too much");
        let (text, other) = (|| "too much".to_owned(), || "too little".to_owned());
        assert!(as_expected(&Ends::Holds, &held));
        assert!(![&silent, &found, &died].iter().any(|out| as_expected(&Ends::Holds, out)));
        assert!(as_expected(&Ends::Aborts(text()), &died));
        assert!(!as_expected(&Ends::Aborts(other()), &died));
        assert!(!as_expected(&Ends::Aborts(text()), &held));
        assert!(as_expected(&Ends::HoldsOrAborts(text()), &held));
        assert!(as_expected(&Ends::HoldsOrAborts(text()), &died));
        assert!(as_expected(&Ends::Found("use-after-free".into()), &found));
        assert!(!as_expected(&Ends::Found("use-after-return".into()), &found));
        assert!(!as_expected(&Ends::Found(String::new()), &held));
    }
}
