//! A recursive parser on goroutines of 1 KiB, whose input decides how deep it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use g0_sched::{Builder, Receiver, Runtime, WaitGroup, channel, go, grow, stats, yield_now};

use crate::env::{Env, ensure, equal, grouped};
use crate::process;

/// Goroutines, each of which parses an expression.
const PARSERS: u64 = 20_000;
/// One in so many has a deep expression.
const ONE_IN: u64 = 1000;
/// Parentheses within each other, in a deep expression.
const DEEP: u64 = 2000;
/// The same in an expression that is not deep, at the most.
const FLAT: u64 = 32;
/// Bytes of a goroutine's own stack.
const STACK: usize = 1 << 10;
/// What a level of the parser puts on the stack; without optimisation a wait alone takes most of it.
const NEED: usize = if cfg!(debug_assertions) { 16 << 10 } else { 2 << 10 };
/// Bytes of all segments of a goroutine: more than the deepest expression takes.
const LIMIT: usize = 256 << 20;

/// Returns how many levels expression `i` has.
fn levels(i: u64) -> u64 {
    if i.is_multiple_of(ONE_IN) { DEEP } else { 1 + i % FLAT }
}

/// Writes expression `i`, `(1+(2*(3+…i…)))`, and its value, reckoned from within.
fn expression(i: u64) -> (String, u64) {
    use std::fmt::Write;
    let (n, mut text) = (levels(i), String::new());
    let operator = |level: u64| if level.is_multiple_of(2) { '*' } else { '+' };
    (1..=n).for_each(|level| {
        let _ = write!(text, "({level}{}", operator(level));
    });
    let _ = write!(text, "{i}");
    (1..=n).for_each(|_| text.push(')'));
    let value = (1..=n).rev().fold(i, |value, level| match operator(level) {
        '+' => level.wrapping_add(value),
        _ => level.wrapping_mul(value),
    });
    (text, value)
}

/// A text, and how far it has been read.
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    /// `value = number | "(" value ("+" | "*") value ")"`; `None` for anything else. Each level has room for its frames,
    /// where it is or on a segment.
    fn value(&mut self) -> Option<u64> {
        grow::call(NEED, || {
            if self.text.get(self.at) != Some(&b'(') {
                // The innermost: other goroutines parse in between, and this one waits with all its levels.
                yield_now();
                return self.number();
            }
            self.next();
            let left = self.number()?;
            let operator = self.next();
            let right = self.value()?;
            let closed = self.next() == Some(b')');
            match operator {
                Some(b'+') if closed => Some(left.wrapping_add(right)),
                Some(b'*') if closed => Some(left.wrapping_mul(right)),
                _ => None,
            }
        })
    }

    fn number(&mut self) -> Option<u64> {
        let digits = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&self.text[self.at..self.at + digits]).ok()?;
        self.at += digits;
        number.parse().ok()
    }
}

/// What the goroutines share.
struct Shared {
    gate: Receiver<()>,
    ended: WaitGroup,
    parked: AtomicU64,
    /// The most segments that goroutines had at a time, as those saw it that were deep.
    segments: AtomicU64,
    wrong: AtomicU64,
    sum: AtomicU64,
}

/// Waits, in a frame that is gone when the stack is left for a segment.
#[inline(never)]
fn wait(shared: &Shared) {
    shared.parked.fetch_add(1, Ordering::Relaxed);
    let _ = shared.gate.recv();
}

/// Waits on its small stack; then writes expression `i` and parses it on segments.
fn parse(i: u64, shared: &Shared) {
    wait(shared);
    grow::call(16 << 10, || {
        let (text, wanted) = expression(i);
        let mut parser = Parser { text: text.as_bytes(), at: 0 };
        let value = parser.value().filter(|_| parser.at == text.len());
        if levels(i) == DEEP {
            let seen = stats().map_or(0, |stats| stats.segments.in_use as u64);
            shared.segments.fetch_max(seen, Ordering::Relaxed);
        }
        shared.wrong.fetch_add(u64::from(value != Some(wanted)), Ordering::Relaxed);
        shared.sum.fetch_add(value.unwrap_or(0), Ordering::Relaxed);
    });
    shared.ended.done();
}

fn builder() -> Builder {
    let builder = Runtime::builder().segment_limit(LIMIT);
    if cfg!(debug_assertions) {
        return builder.stack_size(16 << 10);
    }
    // SAFETY: all goroutines are `parse`: on its own stack it counts, waits and ends, and all else it does on a
    // segment, where it does not panic. This program has no signal handlers but those of std and of the runtime, and the
    // build looks at the rest.
    unsafe { builder.packed_stacks(STACK) }
}

/// What main has seen.
struct Seen {
    resident: u64,
    segments: u64,
    wrong: u64,
    sum: u64,
}

pub fn run(env: &Env) -> Result<(), String> {
    let n = env.at_most(PARSERS);
    let count = env.stage("parsers started, which wait", n);
    let seen = env.run(builder(), move || {
        let (gate, closed) = channel::<()>(0);
        let zero = || AtomicU64::new(0);
        let shared = Arc::new(Shared {
            gate: closed,
            ended: WaitGroup::new(),
            parked: zero(),
            segments: zero(),
            wrong: zero(),
            sum: zero(),
        });
        let before = process::resident()?;
        shared.ended.add(n as usize);
        for i in 0..n {
            let theirs = shared.clone();
            drop(go(move || parse(i, &theirs)));
        }
        while shared.parked.load(Ordering::Relaxed) != n {
            yield_now();
        }
        let resident = process::resident()?.saturating_sub(before);
        count.stage("expressions parsed", n);
        gate.close().map_err(|_| "the gate was closed before")?;
        shared.ended.wait();
        let read = |word: &AtomicU64| word.load(Ordering::Relaxed);
        Ok::<_, String>(Seen {
            resident,
            segments: read(&shared.segments),
            wrong: read(&shared.wrong),
            sum: read(&shared.sum),
        })
    })??;
    let deep = n.div_ceil(ONE_IN);
    env.figure("parsers that waited at the same time", grouped(n));
    env.figure("resident, each, while they waited", format!("{} bytes", seen.resident / n));
    env.figure(&format!("of them went {} levels deep", grouped(DEEP)), grouped(deep));
    env.figure("the most segments in use at a time", grouped(seen.segments));

    let wanted = (0..n).map(|i| expression(i).1).fold(0, u64::wrapping_add);
    equal("expressions with another value", &seen.wrong, &0)?;
    equal("the sum of the values", &env.result(seen.sum), &wanted)?;
    ensure(seen.segments > 0, || "no goroutine that was deep had a segment".into())
}
