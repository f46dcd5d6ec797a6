//! What a comparison is asked for.

use super::rows::{ROWS, Row};

/// What was asked for.
pub struct Options {
    /// Rows, beginnings of names, groups; none are all.
    names: Vec<String>,
    /// Samples of each program.
    pub runs: usize,
    /// Where the result is saved.
    pub json: Option<String>,
    /// Where it is drawn.
    pub plot: Option<String>,
    /// Where it is read from, in place of measuring.
    pub from: Option<String>,
    /// The tree that g0 is compared with, in place of its peers.
    pub against: Option<String>,
    /// Whether packages may be installed.
    pub install: bool,
}

impl Options {
    /// All rows, five runs.
    pub fn all(install: bool) -> Options {
        Options {
            names: vec![],
            runs: 5,
            json: None,
            plot: None,
            from: None,
            against: None,
            install,
        }
    }

    /// Reads `[NAME…] [--runs N] [--json FILE] [--plot FILE] [--from FILE] [--against COMMIT|FOLDER]`.
    pub fn parse(args: &[String], install: bool) -> Result<Options, String> {
        let mut options = Options::all(install);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--json" => options.json = Some(value()?.clone()),
                "--plot" => options.plot = Some(value()?.clone()),
                "--from" => options.from = Some(value()?.clone()),
                "--against" => options.against = Some(value()?.clone()),
                "--runs" => options.runs = value()?.parse().map_err(|_| "--runs needs a number")?,
                name if ROWS.iter().any(|row| row.is_called(name)) => {
                    options.names.push(arg.clone())
                }
                name => {
                    let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
                    return Err(format!("there is no row `{name}`; rows: {}", names.join(" ")));
                }
            }
        }
        let peers = [&options.json, &options.plot, &options.from];
        if options.against.is_some() && peers.iter().any(|file| file.is_some()) {
            return Err("--against measures g0 alone; nothing of that is saved or drawn".into());
        }
        if options.runs < 5 {
            return Err("fewer than five runs say nothing on a noisy machine".into());
        }
        Ok(options)
    }

    /// Whether the row was asked for.
    pub fn wants(&self, row: &Row) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| row.is_called(name))
    }

    /// The rows that are wanted, together those that come from one measurement.
    pub fn measurements(&self) -> Vec<Vec<&'static Row>> {
        let mut wanted: Vec<&'static Row> = ROWS.iter().filter(|row| self.wants(row)).collect();
        let mut all = Vec::new();
        while let Some(first) = wanted.first().copied() {
            all.push(wanted.extract_if(.., |row| row.entry == first.entry).collect());
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        let args: Vec<String> = line.split_whitespace().map(String::from).collect();
        Options::parse(&args, false)
    }

    #[test]
    fn options_are_read_and_wrong_ones_refused() {
        let options = parse("yield --runs 7 --json out.json switch --plot a.svg").unwrap();
        assert_eq!((options.names.len(), options.runs), (2, 7));
        assert_eq!(options.json.as_deref(), Some("out.json"));
        assert_eq!((options.plot.as_deref(), options.from), (Some("a.svg"), None));
        assert!(parse("--runs 4").is_err() && parse("--json").is_err() && parse("yeild").is_err());
        assert_eq!(parse("--against HEAD").unwrap().against.as_deref(), Some("HEAD"));
        assert!(parse("--against HEAD --json a").is_err() && parse("--against").is_err());
        let sleep = parse("sleep").unwrap();
        assert_eq!(ROWS.iter().filter(|row| sleep.wants(row)).count(), 10);
    }
}
