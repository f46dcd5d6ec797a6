//! Values over channels: plain, tried, timed and selected, from many to many.

use std::sync::Arc;

use g0_sched::{
    Receiver, RecvTimeoutError, SendTimeoutError, Sender, TryRecvError, TrySendError, channel,
    select,
};

use crate::books::Books;
use crate::crew::{Crew, give_way};
use crate::random::Random;
use crate::watch::Desk;

/// Marks the value of a select's second arm.
const SECOND: u64 = 1 << 63;

/// Each channel has a receiver of its own, who takes from it until it is closed; the others roam.
/// So whoever sends is heard, wherever it sends.
pub fn hire(crew: &mut Crew) {
    let books = crew.books("channels");
    let ends: Vec<(Sender<u64>, Receiver<u64>)> =
        (0..crew.random.between(1, 4)).map(|_| channel(crew.random.below(4))).collect();
    for sender in 0..crew.random.between(1, 6) as u64 {
        let tx: Vec<Sender<u64>> = ends.iter().map(|end| end.0.clone()).collect();
        let (books, values) = (books.clone(), crew.random.between(1, 120) as u64);
        crew.hire("channels: a sender", move |desk, mut random| {
            for i in 0..values {
                send(desk, &mut random, &tx, &books, sender << 32 | i);
            }
        });
    }
    for receiver in 0..ends.len() + crew.random.below(4) {
        let rx: Vec<Receiver<u64>> = ends.iter().map(|end| end.1.clone()).collect();
        let (books, own) = (books.clone(), receiver % ends.len());
        crew.hire(
            "channels: a receiver",
            move |desk, mut random| {
                while receive(desk, &mut random, &rx, &books, own) {}
            },
        );
    }
}

/// Sends `value`, or gives it up when time runs out: then it is not in the books.
fn send(desk: &Desk, random: &mut Random, tx: &[Sender<u64>], books: &Arc<Books>, value: u64) {
    let (a, b) = (&tx[random.below(tx.len())], &tx[random.below(tx.len())]);
    match random.below(6) {
        0 | 1 => {
            desk.at(&"send");
            a.send(value).expect("a receiver");
            books.sent(value);
        }
        2 => {
            desk.at(&"try_send, again and again");
            let mut value = value;
            while let Err(error) = a.try_send(value) {
                let TrySendError::Full(back) = error else { panic!("closed while we hold an end") };
                value = back;
                give_way();
            }
            books.sent(value);
        }
        3 => {
            desk.at(&"send_timeout");
            match a.send_timeout(value, random.moment()) {
                Ok(()) => books.sent(value),
                Err(SendTimeoutError::Timeout(back)) => assert_eq!(back, value),
                Err(SendTimeoutError::Disconnected(_)) => panic!("closed while we hold an end"),
            }
        }
        4 => {
            desk.at(&"select between two sends");
            select! {
                send(a, value) -> sent => { sent.expect("a receiver"); books.sent(value) }
                send(b, value | SECOND) -> sent => {
                    sent.expect("a receiver");
                    books.sent(value | SECOND);
                }
            }
        }
        _ => {
            desk.at(&"select between two sends and time");
            select! {
                send(a, value) -> sent => { sent.expect("a receiver"); books.sent(value) }
                send(b, value | SECOND) -> sent => {
                    sent.expect("a receiver");
                    books.sent(value | SECOND);
                }
                default(random.moment()) => {}
            }
        }
    }
}

/// Receives from one's own channel, and sometimes from another. False: one's own is closed and
/// empty.
fn receive(
    desk: &Desk,
    random: &mut Random,
    rx: &[Receiver<u64>],
    books: &Arc<Books>,
    own: usize,
) -> bool {
    let (own, other) = (&rx[own], &rx[random.below(rx.len())]);
    match random.below(7) {
        0 | 1 => {
            desk.at(&"recv");
            own.recv().map(|value| books.got(value)).is_ok()
        }
        2 => {
            desk.at(&"try_recv");
            match other.try_recv() {
                Ok(value) => books.got(value),
                Err(TryRecvError::Empty) => give_way(),
                // Its own receiver goes on.
                Err(TryRecvError::Disconnected) => return !other.same_channel(own),
            }
            true
        }
        3 => {
            desk.at(&"recv_timeout");
            match own.recv_timeout(random.moment()) {
                Ok(value) => books.got(value),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
            true
        }
        4 => {
            desk.at(&"iter");
            let most = random.between(1, 5);
            own.iter().take(most).map(|value| books.got(value)).count() == most
        }
        5 => {
            desk.at(&"select between two receives");
            select! {
                recv(own) -> value => value.map(|value| books.got(value)).is_ok(),
                recv(other) -> value => { let _ = value.map(|value| books.got(value)); true }
            }
        }
        _ => {
            desk.at(&"select between two receives and time");
            select! {
                recv(other) -> value => { let _ = value.map(|value| books.got(value)); true }
                recv(own) -> value => value.map(|value| books.got(value)).is_ok(),
                default(random.moment()) => true,
            }
        }
    }
}
