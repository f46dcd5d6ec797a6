//! SQLite, calling goroutines that park in the middle of its queries.
//!
//! Several goroutines have a connection each. Their queries call SQL functions and a collation of
//! ours (`functions.rs`), which ask a question on a channel and park until another goroutine has
//! answered it; SQLite's frames wait below, on the thread's system stack.

mod db;
mod functions;

use std::sync::Arc;
use std::time::Instant;

use g0_sched::{Receiver, Runtime, channel, go, yield_now};

use crate::env::{Env, ensure, equal, grouped};
use db::Db;
use functions::{Asker, Question, Tally, answer_to, order_of};

const CONNECTIONS: u64 = 6;
const ANSWERERS: u64 = 2;
const ROWS: i64 = 400;

/// A table's rows, different for each connection.
fn rows(connection: u64) -> Vec<(i64, String)> {
    let mut x = connection.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    };
    let row = |_| {
        let letters = (0..8).map(|_| char::from(b'a' + (next() % 26) as u8)).collect();
        ((next() % 10_000) as i64, letters)
    };
    (0..ROWS).map(row).collect()
}

/// What a connection's queries gave.
#[derive(Debug, PartialEq)]
struct Answers {
    /// `sum(ask(value))` over a third of the table.
    sum: i64,
    /// The names in the order of the collation.
    names: Vec<String>,
    /// `sum(nested(value))` over a tenth of it.
    nested: i64,
}

/// The same, by Rust.
fn wanted(rows: &[(i64, String)]) -> Answers {
    let sum_where = |keep: fn(i64) -> bool, of: fn(i64) -> i64| -> i64 {
        rows.iter().map(|(value, _)| *value).filter(|value| keep(*value)).map(of).sum()
    };
    let mut names: Vec<String> = rows.iter().map(|(_, name)| name.clone()).collect();
    names.sort_by(|a, b| order_of(a.as_bytes(), b.as_bytes()));
    Answers {
        sum: sum_where(|value| value % 3 == 0, answer_to),
        names,
        nested: sum_where(|value| value % 10 == 0, |value| answer_to(value) + answer_to(value + 1)),
    }
}

/// A connection's life, in one goroutine.
fn connection(rows: &[(i64, String)], asker: &Asker) -> Result<Answers, String> {
    let db = Db::open()?;
    functions::register(&db, asker)?;
    db.execute("CREATE TABLE entry (value INTEGER, name TEXT)")?;
    db.execute("BEGIN")?;
    for (value, name) in rows {
        db.execute(&format!("INSERT INTO entry VALUES ({value}, '{name}')"))?;
    }
    db.execute("COMMIT")?;
    Ok(Answers {
        sum: db.integer("SELECT sum(ask(value)) FROM entry WHERE value % 3 = 0")?,
        names: db.texts("SELECT name FROM entry ORDER BY name COLLATE asked")?,
        nested: db.integer("SELECT sum(nested(value)) FROM entry WHERE value % 10 = 0")?,
    })
}

fn answerer(questions: &Receiver<Question>) {
    for question in questions {
        // The others have their turn before the answer comes.
        yield_now();
        question.answer();
    }
}

pub fn run(env: &Env) -> Result<(), String> {
    let tables: Vec<_> = (0..CONNECTIONS).map(rows).collect();
    let wanted: Vec<Answers> = tables.iter().map(|rows| wanted(rows)).collect();
    // The sorts ask about n log₂ n times.
    let count = env.stage("callbacks answered", CONNECTIONS * 3400);
    let (answers, tally, seconds) = env.run(Runtime::builder(), move || {
        let tally = Arc::new(Tally::new(count));
        let (questions, asked) = channel(0);
        let start = Instant::now();
        let connections: Vec<_> = tables
            .into_iter()
            .map(|rows| {
                let asker = Asker::new(questions.clone(), tally.clone());
                go(move || connection(&rows, &asker))
            })
            .collect();
        drop(questions);
        let answerers: Vec<_> = (0..ANSWERERS)
            .map(|_| {
                let asked = asked.clone();
                go(move || answerer(&asked))
            })
            .collect();
        let answers: Result<Vec<Answers>, String> =
            connections.into_iter().map(|h| h.join().expect("it does not panic")).collect();
        let seconds = start.elapsed().as_secs_f64();
        for answerer in answerers {
            answerer.join().expect("it does not panic");
        }
        (answers, tally, seconds)
    })?;
    let mut answers = answers?;
    let tally = tally.read();
    env.figure("SQLite's version", Db::version());
    env.figure("connections at once, in a goroutine each", CONNECTIONS);
    env.figure("callbacks from SQL functions", grouped(tally.values));
    env.figure("callbacks from the collation", grouped(tally.orders));
    env.figure("of them, parked until another answered", grouped(tally.parked));
    env.figure("parked inside a callback at the same time", tally.most_at_once);
    let each = seconds * 1e6 / (tally.values + tally.orders) as f64;
    env.figure("from question to answer, each", format!("{each:.1} µs"));

    answers[0].sum = env.result(answers[0].sum);
    for (i, (answers, wanted)) in answers.iter().zip(&wanted).enumerate() {
        equal(&format!("sum(ask(value)) of connection {i}"), &answers.sum, &wanted.sum)?;
        equal(&format!("the sorted names of connection {i}"), &answers.names, &wanted.names)?;
        equal(&format!("sum(nested(value)) of connection {i}"), &answers.nested, &wanted.nested)?;
    }
    equal("connections", &answers.len(), &wanted.len())?;
    ensure(tally.parked > 0, || "no callback parked".into())?;
    ensure(tally.most_at_once > 1, || "no two connections were in a callback at once".into())
}
