//! The soak: everything that goroutines and threads block on, mixed at random, for as long as one
//! likes; what was sent is what was received, and nobody waits for ever.
//!
//! A *round* is composed from a number, its seed: a kind of runtime, a number of Ps, and some of the
//! works in [`work`], each with a crew of goroutines, goroutines locked to their thread, and plain
//! threads. Each work keeps its books: a round passes when all of them agree, when nobody was left
//! behind, and when what shutdown unwound was dropped once. A wake that is lost shows as a round
//! that does not end: then the [`watch`] says who waits for what, and ends the program.
//!
//! What failed is printed with the round's seed; `--seed SEED --rounds 1` composes it again.
//! Whether the books' check bites is shown by `--sabotage`, which forges an entry.

mod books;
mod crew;
mod random;
mod round;
mod watch;
mod work;

// The C files are linked into the library.
use g0_integration_tests as _;

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use random::Random;
use round::Totals;

const HELP: &str = "\
soak [OPTION...]

  --seconds N, --minutes N   how long (default: one minute)
  --rounds N                 how many rounds at most
  --seed SEED                the first round's seed (default: of the time)
  --only WORK                this work alone (one of the names in `work/mod.rs`)
  --limit N                  seconds after which a round is taken to hang (default: 60)
  --hold                     a round that hangs stays, for a debugger
  --sabotage                 forges an entry in every round's books: each must fail
";

struct Options {
    length: Duration,
    rounds: u64,
    seed: u64,
    only: Option<String>,
    limit: Duration,
    hold: bool,
    sabotage: bool,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut options = Self {
            length: Duration::from_secs(60),
            rounds: u64::MAX,
            seed: Random::new(time.as_nanos() as u64).next(),
            only: None,
            limit: Duration::from_secs(60),
            hold: false,
            sabotage: false,
        };
        while let Some(word) = words.next() {
            let mut text = || words.next().ok_or(format!("{word} wants a word more"));
            let mut number = || {
                let text = text()?;
                text.parse::<u64>().map_err(|_| format!("{word}: {text} is no number"))
            };
            match word.as_str() {
                "--seconds" => options.length = Duration::from_secs(number()?),
                "--minutes" => options.length = Duration::from_secs(number()?.saturating_mul(60)),
                "--rounds" => options.rounds = number()?,
                "--seed" => options.seed = number()?,
                "--limit" => options.limit = Duration::from_secs(number()?),
                "--only" => options.only = Some(text()?),
                "--hold" => options.hold = true,
                "--sabotage" => options.sabotage = true,
                _ => return Err(format!("unknown option: {word}")),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprint!("{error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let Options { length, rounds, mut seed, only, limit, hold, sabotage } = options;
    let works = match work::named(only.as_deref()) {
        Ok(works) => works,
        Err(error) => {
            eprint!("{error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    watch::start(limit, hold);
    println!("soak: {} s from seed {seed}", length.as_secs());
    let (start, mut said) = (Instant::now(), Instant::now());
    let (mut done, mut totals) = (0, Totals::default());
    while done < rounds && start.elapsed() < length {
        match round::run(seed, &works, sabotage) {
            Ok(more) => totals += more,
            Err(error) => {
                eprintln!("FAILED: {error}\n{}", watch::again(seed));
                return ExitCode::FAILURE;
            }
        }
        done += 1;
        seed = Random::new(seed).next();
        if said.elapsed() > Duration::from_secs(30) {
            said = Instant::now();
            println!("{:>6} s: {done} rounds, {totals}", start.elapsed().as_secs());
        }
    }
    println!("ok: {done} rounds in {:.1} s, {totals}", start.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}
