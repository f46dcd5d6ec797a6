//! Questions and answers: each question brings the channel on which its answer is awaited.

use g0_sched::{RecvTimeoutError, Sender, channel, select};

use crate::crew::{Crew, give_way};

pub fn hire(crew: &mut Crew) {
    let books = crew.books("requests");
    let (ask, asked) = channel::<(u64, Sender<u64>)>(crew.random.below(3));
    for _ in 0..crew.random.between(1, 3) {
        let asked = asked.clone();
        crew.hire("requests: a server", move |desk, mut random| {
            loop {
                desk.at(&"recv a question");
                let Ok((question, answer)) = asked.recv() else { return };
                if random.one_in(4) {
                    give_way();
                }
                desk.at(&"send an answer");
                answer.send(question + 1).expect("somebody who asked");
            }
        });
    }
    for client in 0..crew.random.between(1, 8) as u64 {
        let (ask, books) = (ask.clone(), books.clone());
        let questions = crew.random.between(1, 80) as u64;
        crew.hire("requests: a client", move |desk, mut random| {
            for i in 0..questions {
                let question = client << 32 | i;
                let (answer, answered) = channel(random.below(2));
                desk.at(&"send a question");
                ask.send((question, answer)).expect("a server");
                books.sent(question);
                desk.at(&"wait for the answer");
                let got = match random.below(3) {
                    0 => answered.recv().expect("an answer"),
                    1 => loop {
                        match answered.recv_timeout(random.moment()) {
                            Ok(answer) => break answer,
                            Err(RecvTimeoutError::Timeout) => {}
                            Err(RecvTimeoutError::Disconnected) => panic!("no answer"),
                        }
                    },
                    _ => loop {
                        select! {
                            recv(answered) -> answer => break answer.expect("an answer"),
                            default => give_way(),
                        }
                    },
                };
                assert_eq!(got, question + 1, "somebody else's answer");
                books.got(got - 1);
            }
        });
    }
}
