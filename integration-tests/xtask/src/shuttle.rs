//! `cargo xtask soak --shuttle [--seconds N] [--seed SEED]`: whole schedulers in random schedules.
//!
//! The program is built with `--cfg g0_shuttle` beside `--cfg loom`: what the facade takes from loom it takes from
//! shuttle then. Eight Ps, a thousand goroutines, a schedule a seed; a failure prints the seed that shows it again.

use crate::report::Report;
use crate::run::Cmd;
use crate::tree;

/// Builds it and lets it run.
pub fn run(report: &mut Report, seconds: u64, seed: Option<u64>) {
    report.step(&format!("soak --shuttle, {seconds} s"), || {
        let target = tree::target().join("shuttle");
        let build = ["build", "--locked", "--release", "--quiet", "-p", "g0-shuttle"];
        let cmd = Cmd::cargo().args(build).args(["--target-dir".as_ref(), target.as_os_str()]);
        let cmd = cmd.env("RUSTFLAGS", "--cfg loom --cfg g0_shuttle");
        // It is built for a minute of use.
        let cmd = cmd.env("CARGO_PROFILE_RELEASE_LTO", "off");
        let cmd = cmd.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        let out = cmd.dir(tree::root()).limit(600).capture()?;
        if !out.success {
            return Err(format!("the soak does not build: {}\n{}", out.ending, out.text()));
        }
        let program = target.join("release").join("g0-shuttle");
        let mut soak = Cmd::new(program).args(["--seconds", &seconds.to_string()]);
        if let Some(seed) = seed {
            soak = soak.args(["--seed", &seed.to_string()]);
        }
        soak.limit(seconds.saturating_add(120)).dir(tree::root()).run()
    });
}

/// Reads `[--seconds N] [--minutes N] [--seed SEED]`: how long (a minute), and from which seed.
pub fn parse(args: &[String]) -> Result<(u64, Option<u64>), String> {
    let (mut seconds, mut seed) = (60, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let number = args.next().and_then(|text| text.parse::<u64>().ok());
        let number = number.ok_or_else(|| format!("{arg} needs a number"))?;
        match arg.as_str() {
            "--minutes" => seconds = number.saturating_mul(60),
            "--seconds" => seconds = number,
            "--seed" => seed = Some(number),
            _ => return Err(format!("soak --shuttle does not know `{arg}`")),
        }
    }
    Ok((seconds, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_the_default_and_a_seed_is_passed_on() {
        let parse =
            |line: &str| parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>());
        assert_eq!(parse(""), Ok((60, None)));
        assert_eq!(parse("--minutes 2 --seed 7"), Ok((120, Some(7))));
        assert!(parse("--seconds x").is_err() && parse("--hours 1").is_err());
    }
}
