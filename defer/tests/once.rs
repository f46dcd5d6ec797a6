//! L16 as a property: random programs of scopes, deferred calls and unwindings, against a model
//! that knows only vectors. The order in which calls run, how often each runs, what each scope ends
//! with, and that what a call captured is dropped once, must agree.

mod common;
#[macro_use]
#[path = "suite/each.rs"]
mod each;

use std::cell::{Cell, RefCell};

use common::Event::{Goexit, Panic};
use common::{Event, Readable, begin};
use g0_defer::{Scope, scope_with};

for_each_unwinder! {
    l16_each_call_runs_once_in_the_order_of_the_model
}

/// A piece of code: what it does, in order, and how it ends.
#[derive(Clone)]
struct Code {
    id: u32,
    steps: Vec<Step>,
    end: Option<Event>,
}

#[derive(Clone)]
enum Step {
    /// Defers to the scope that the code runs in.
    Defer(Code),
    /// Opens a scope with this body, and catches what leaves it.
    Scope(Code),
}

/// What happened, in order.
#[derive(Clone, Debug, PartialEq)]
enum Note {
    Ran(u32),
    Caught(Vec<Event>),
}

/// A captured value that knows how often one was dropped.
struct Captured<'a>(&'a Cell<usize>);

impl Drop for Captured<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

struct Run<'a> {
    notes: &'a RefCell<Vec<Note>>,
    drops: &'a Cell<usize>,
}

impl<'a> Run<'a> {
    fn scope<U: Readable>(&'a self, body: &'a Code) {
        let caught = U::catch(|| scope_with::<U, ()>(|s| self.code::<U>(s, body)));
        let events = caught.map_or_else(U::events, |()| Vec::new());
        self.notes.borrow_mut().push(Note::Caught(events));
    }

    fn code<'s, U: Readable>(&'a self, s: &'s Scope<'s, '_>, code: &'a Code)
    where
        'a: 's,
    {
        self.notes.borrow_mut().push(Note::Ran(code.id));
        for step in &code.steps {
            match step {
                Step::Scope(body) => self.scope::<U>(body),
                Step::Defer(code) => {
                    let captured = Captured(self.drops);
                    s.defer(move || {
                        // Before what follows may be thrown over.
                        drop(captured);
                        self.code::<U>(s, code)
                    });
                }
            }
        }
        if let Some(event) = code.end {
            begin::<U>(event)
        }
    }
}

/// The model: a scope is a vector of code to run, in flight is a vector of events.
fn model_scope(body: &Code, notes: &mut Vec<Note>) {
    let (mut chain, mut in_flight) = (vec![body.clone()], Vec::new());
    while let Some(code) = chain.pop() {
        notes.push(Note::Ran(code.id));
        for step in code.steps {
            match step {
                Step::Scope(body) => model_scope(&body, notes),
                Step::Defer(code) => chain.push(code),
            }
        }
        in_flight.extend(code.end);
    }
    notes.push(Note::Caught(in_flight));
}

/// Random programs, the same in every run.
struct Programs {
    state: u64,
    ids: u32,
    deferred: usize,
    most: usize,
}

impl Programs {
    fn random(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % below
    }

    fn code(&mut self, depth: u32) -> Code {
        self.ids += 1;
        let id = self.ids;
        let mut steps = Vec::new();
        if depth > 0 {
            for _ in 0..self.random(self.most as u64 + 1) {
                let inner = self.code(depth - 1);
                steps.push(if self.random(3) == 0 {
                    Step::Scope(inner)
                } else {
                    self.deferred += 1;
                    Step::Defer(inner)
                });
            }
        }
        let end = match self.random(6) {
            0 | 1 => Some(Panic(id)),
            2 => Some(Goexit),
            _ => None,
        };
        Code { id, steps, end }
    }
}

fn l16_each_call_runs_once_in_the_order_of_the_model<U: Readable>() {
    // Without an allocator a scope holds four calls: bodies of at most two steps, three deep, defer
    // no more at a time.
    let (most, depth) = if cfg!(feature = "alloc") { (5, 4) } else { (2, 3) };
    let mut programs = Programs { state: 0x9e37_79b9_7f4a_7c15, ids: 0, deferred: 0, most };
    let mut met = 0;
    for _ in 0..2000 {
        programs.deferred = 0;
        let body = programs.code(depth);

        let (notes, drops) = (RefCell::new(Vec::new()), Cell::new(0));
        Run { notes: &notes, drops: &drops }.scope::<U>(&body);

        let mut expected = Vec::new();
        model_scope(&body, &mut expected);
        assert_eq!(*notes.borrow(), expected, "L16: what ran");
        assert_eq!(drops.get(), programs.deferred, "L16: captures dropped");
        met += expected.iter().filter(|n| matches!(n, Note::Caught(e) if e.len() > 1)).count();
    }
    assert!(met > 100, "the programs hardly make panics meet: {met}");
}
