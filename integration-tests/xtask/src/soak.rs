//! `cargo xtask soak [--minutes N | --seconds N] [--seed SEED]`: everything that blocks, mixed at random, for long.
//! Before that, the worst wait beside each operation that may suspend, on a virtual clock.

use crate::report::Report;
use crate::run::Cmd;
use crate::tree;

/// An hour, unless something else is asked for.
const HOUR: u64 = 3600;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    seconds: u64,
    seed: Option<u64>,
}

impl Options {
    /// So many seconds, from a seed of the time.
    pub fn seconds(seconds: u64) -> Options {
        Options { seconds, seed: None }
    }

    /// Reads `[--minutes N | --seconds N] [--seed SEED]`.
    pub fn parse(args: &[String]) -> Result<Options, String> {
        let mut options = Options::seconds(HOUR);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let number = args.next().and_then(|text| text.parse::<u64>().ok());
            let number = number.ok_or_else(|| format!("{arg} needs a number"))?;
            match arg.as_str() {
                "--minutes" => options.seconds = number.saturating_mul(60),
                "--seconds" => options.seconds = number,
                "--seed" => options.seed = Some(number),
                _ => return Err(format!("soak does not know `{arg}`")),
            }
        }
        Ok(options)
    }
}

/// Builds the soak for release and lets it run. It is ended when it takes longer than it was told to.
pub fn run(report: &mut Report, options: &Options) {
    report.step("soak, the worst wait beside each operation", || {
        let test = ["test", "--locked", "--release", "-p", "g0-sched", "--features", "std"];
        let worst = ["--test", "turns", "--", "--nocapture", "the_worst_wait"];
        Cmd::cargo().args(test).args(worst).dir(tree::root()).run()
    });
    report.step(&format!("soak, {} s", options.seconds), || {
        let build =
            ["build", "--locked", "--release", "-p", "g0-integration-tests", "--bin", "soak"];
        Cmd::cargo().args(build).dir(tree::root()).run()?;
        let program = tree::target().join("release").join("soak");
        let mut soak = Cmd::new(program).args(["--seconds", &options.seconds.to_string()]);
        if let Some(seed) = options.seed {
            soak = soak.args(["--seed", &seed.to_string()]);
        }
        // Its own watchdog reports a round that hangs after a minute.
        soak.limit(options.seconds.saturating_add(120)).dir(tree::root()).run()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn an_hour_is_the_default_and_a_seed_is_passed_on() {
        assert_eq!(parse(""), Ok(Options { seconds: 3600, seed: None }));
        assert_eq!(parse("--minutes 2 --seed 7"), Ok(Options { seconds: 120, seed: Some(7) }));
        assert_eq!(parse("--seconds 5"), Ok(Options { seconds: 5, seed: None }));
        assert!(parse("--seconds").is_err() && parse("--seconds x").is_err());
        assert!(parse("--hours 1").is_err() && parse("5").is_err());
    }
}
