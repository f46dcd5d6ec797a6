//! Select: one of its cases is carried out, and the others are as if it had not waited there (L20,
//! L22).
//!
//! Values and cells are those of the channel's model. Two channels lie side by side, so that the
//! locks have the same order in every schedule. Which of several ready cases is chosen is not
//! explored: the seed of a thread that is no M is the clock, which stands still.

use g0_sched::generic::{Case, Instant, OnRecv, OnSend, select, select_deadline};
use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

use crate::channel::Line;
use crate::exec::{go, run};
use crate::runner::{Model, Scenario};
use crate::world::Threads;
use g0_sched::model::clock;

pub const MODEL: Model = Model {
    name: "select",
    scenarios: &[
        Scenario { name: "partners", invariants: "L20,L22", extra: 2, run: partners },
        Scenario { name: "facing", invariants: "L20,L22", extra: 3, run: facing },
        Scenario { name: "goroutines", invariants: "L15,L20,L22", extra: 1, run: goroutines },
        Scenario { name: "partner", invariants: "L15,L20,L22", extra: 1, run: partner },
        Scenario { name: "same", invariants: "L20,L22", extra: 2, run: same },
        Scenario { name: "close", invariants: "L20,L22", extra: 2, run: close },
        Scenario { name: "deadline", invariants: "L20,L22", extra: 2, run: deadline },
    ],
};

/// Two channels without a buffer.
type Lines = [Line<0>; 2];

fn lines() -> Arc<Lines> {
    Arc::new([Line::new(), Line::new()])
}

/// What select did.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    /// Received this value, or found the channel closed.
    Received(Option<usize>),
    /// Sent, or found the channel closed.
    Sent(bool),
    /// Nothing, in time.
    Late,
}

/// Receives from either.
fn either(lines: &Lines, until: Option<u64>) -> Done {
    let (mut first, mut second) = (lines[0].chan.on_recv(), lines[1].chan.on_recv());
    let in_time = choose(&mut [&mut first, &mut second], until);
    let taken = [(&lines[0], first.take()), (&lines[1], second.take())];
    let mut taken = taken.into_iter().filter_map(|(line, taken)| Some((line, taken?)));
    let result = taken.next();
    assert!(taken.next().is_none(), "L20: two cases of one select are carried out");
    assert_eq!(
        result.is_some(),
        in_time,
        "L22: a select ends without a case, or a case without it"
    );
    match result {
        Some((line, Ok(value))) => {
            line.take(value);
            Done::Received(Some(value))
        }
        Some((_, Err(_))) => Done::Received(None),
        None => Done::Late,
    }
}

/// Sends `value` to one, or receives from the other.
fn exchange(to: &Line<0>, value: usize, from: &Line<0>) -> Done {
    to.write(value);
    let (mut send, mut recv) = (to.chan.on_send(value), from.chan.on_recv());
    choose(&mut [&mut send, &mut recv], None);
    let (sent, received) = (send.take(), recv.take());
    // What is not sent comes back.
    if !matches!(sent, Some(Ok(()))) {
        to.take(value);
    }
    match (sent, received) {
        (Some(result), None) => Done::Sent(result.is_ok()),
        (None, Some(Ok(value))) => {
            from.take(value);
            Done::Received(Some(value))
        }
        (None, Some(Err(_))) => Done::Received(None),
        (None, None) => panic!("L22: a select ends without a case"),
        (Some(_), Some(_)) => panic!("L20: two cases of one select are carried out"),
    }
}

fn choose(cases: &mut [&mut dyn Case<Threads>], until: Option<u64>) -> bool {
    match until {
        None => {
            select(cases);
            true
        }
        Some(at) => select_deadline(cases, Instant::from_nanos(at)),
    }
}

fn on<R: 'static>(lines: &Arc<Lines>, f: impl FnOnce(&Lines) -> R + 'static) -> JoinHandle<R> {
    let lines = lines.clone();
    thread::spawn(move || f(&lines))
}

/// A sender on each channel; the one that selects takes both values.
fn partners() {
    let lines = lines();
    let senders = [0, 1].map(|i| on(&lines, move |lines| lines[i].send(i)));
    let mut seen = [0; 2];
    for _ in 0..2 {
        match either(&lines, None) {
            Done::Received(Some(value)) => seen[value] += 1,
            other => panic!("L20: {other:?} on open channels"),
        }
    }
    for sender in senders {
        assert!(sender.join().unwrap(), "L20: an open channel gives a value back");
    }
    assert_eq!(seen, [1, 1], "L20: two values were sent");
}

/// Of two that send and receive crosswise, one sends and the other receives.
fn agree(one: Done, other: Done) {
    match (one, other) {
        (Done::Sent(true), Done::Received(Some(0)))
        | (Done::Received(Some(1)), Done::Sent(true)) => {}
        (one, other) => panic!("L20: one side {one:?}, the other side {other:?}"),
    }
}

/// Two selects that can be each other's partners in two ways.
fn facing() {
    let lines = lines();
    let other = on(&lines, |[a, b]| exchange(b, 1, a));
    let [a, b] = &*lines;
    let one = exchange(a, 0, b);
    agree(one, other.join().unwrap());
}

/// The same on two goroutines.
fn goroutines() {
    run(|| {
        let lines = lines();
        let other = {
            let lines = lines.clone();
            go(move || exchange(&lines[1], 1, &lines[0]))
        };
        let one = exchange(&lines[0], 0, &lines[1]);
        agree(one, other.join().unwrap_or_else(|never| match never {}));
    });
}

/// A goroutine selects, while another finds it on the channel that is unlocked first.
fn partner() {
    run(|| {
        let lines = lines();
        let sender = {
            let lines = lines.clone();
            go(move || lines[0].send(0))
        };
        assert_eq!(either(&lines, None), Done::Received(Some(0)), "L20: on open channels");
        assert_eq!(sender.join(), Ok(true), "L20: an open channel gives a value back");
    });
}

/// Two selects that send and receive on the same channel.
fn same() {
    let lines = lines();
    let other = on(&lines, |[a, _]| exchange(a, 1, a));
    let one = exchange(&lines[0], 0, &lines[0]);
    match (one, other.join().unwrap()) {
        (Done::Sent(true), Done::Received(Some(0)))
        | (Done::Received(Some(1)), Done::Sent(true)) => {}
        (one, other) => panic!("L20: one side {one:?}, the other side {other:?}"),
    }
}

/// One channel is closed while there is a sender on the other.
fn close() {
    let lines = lines();
    let closer = on(&lines, |lines| lines[0].close());
    let sender = on(&lines, |lines| lines[1].send(1));
    let first = either(&lines, None);
    assert!(
        matches!(first, Done::Received(None | Some(1))),
        "L20: {first:?} where one channel is closed, and 1 is sent on the other"
    );
    if first == Done::Received(None) {
        assert_eq!(lines[1].recv(), Some(1), "L20: an open channel says that it is closed");
    }
    assert!(sender.join().unwrap(), "L20: an open channel gives a value back");
    closer.join().unwrap();
}

/// A select and its partner both wait until the clock shows this.
fn deadline() {
    const AT: u64 = 10;
    clock::start();
    let lines = lines();
    let sender = on(&lines, |lines| lines[1].send_until(1, AT));
    let clock = thread::spawn(|| clock::advance(AT));
    let received = either(&lines, Some(AT)) == Done::Received(Some(1));
    clock.join().unwrap();
    assert_eq!(received, sender.join().unwrap(), "L20: what was sent, and what was received");
}
