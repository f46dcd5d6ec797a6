//! The SQL functions and the collation: goroutine code that C calls.

use std::cmp::Ordering;
use std::ffi::{c_int, c_void};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use g0_cgo::call;
use g0_sched::{Receiver, Sender, TryRecvError, channel};
use libsqlite3_sys as ffi;

use super::db::Db;
use crate::ticker::Count;

/// What is asked.
enum Ask {
    Value(i64),
    Order(Vec<u8>, Vec<u8>),
}

/// A question on its way to whoever answers.
pub struct Question {
    ask: Ask,
    reply: Sender<i64>,
}

/// The answer to a number.
pub fn answer_to(x: i64) -> i64 {
    x * x % 1009 + 7 * x
}

/// The collation's order: as if words were read from their ends.
pub fn order_of(a: &[u8], b: &[u8]) -> Ordering {
    a.iter().rev().cmp(b.iter().rev())
}

impl Question {
    pub fn answer(self) {
        let answer = match self.ask {
            Ask::Value(x) => answer_to(x),
            Ask::Order(a, b) => order_of(&a, &b) as i64,
        };
        // Whoever asked waits for it.
        let _ = self.reply.send(answer);
    }
}

/// Counts, of all connections.
pub struct Tally {
    values: AtomicU64,
    orders: AtomicU64,
    parked: AtomicU64,
    now: AtomicU64,
    most: AtomicU64,
    count: Count,
}

/// A [`Tally`] at the end.
pub struct Totals {
    pub values: u64,
    pub orders: u64,
    pub parked: u64,
    pub most_at_once: u64,
}

impl Tally {
    pub fn new(count: Count) -> Self {
        let zero = || AtomicU64::new(0);
        Self { values: zero(), orders: zero(), parked: zero(), now: zero(), most: zero(), count }
    }

    pub fn read(&self) -> Totals {
        Totals {
            values: self.values.load(Relaxed),
            orders: self.orders.load(Relaxed),
            parked: self.parked.load(Relaxed),
            most_at_once: self.most.load(Relaxed),
        }
    }
}

/// A connection's way to the answers: what SQLite hands through to the functions.
pub struct Asker {
    questions: Sender<Question>,
    reply: Sender<i64>,
    answers: Receiver<i64>,
    tally: Arc<Tally>,
}

impl Asker {
    pub fn new(questions: Sender<Question>, tally: Arc<Tally>) -> Self {
        let (reply, answers) = channel(1);
        Self { questions, reply, answers, tally }
    }

    /// Asks, and parks until the answer is there; `None` if nobody answers any more.
    fn ask(&self, ask: Ask) -> Option<i64> {
        let tally = &*self.tally;
        let kind = if matches!(ask, Ask::Value(_)) { &tally.values } else { &tally.orders };
        kind.fetch_add(1, Relaxed);
        tally.most.fetch_max(tally.now.fetch_add(1, Relaxed) + 1, Relaxed);
        let sent = self.questions.send(Question { ask, reply: self.reply.clone() });
        let answer = match self.answers.try_recv() {
            Err(TryRecvError::Empty) if sent.is_ok() => {
                tally.parked.fetch_add(1, Relaxed);
                self.answers.recv().ok()
            }
            answer => answer.ok(),
        };
        tally.now.fetch_sub(1, Relaxed);
        tally.count.add(1);
        answer
    }
}

g0_cgo::export! {
    /// `ask(x)`: the answer to x.
    unsafe fn tour_sql_ask(context: *mut ffi::sqlite3_context, _n: c_int, args: *mut *mut ffi::sqlite3_value) {
        // SAFETY: SQLite passes a context whose data is the connection's `Asker`, and one value.
        let (asker, x) = unsafe { argument(context, args) };
        give(context, asker.ask(Ask::Value(x)).ok_or("nobody answers"));
    }

    /// `nested(x)`: ask(x) + ask(x + 1), by a query of its own on the same connection.
    unsafe fn tour_sql_nested(context: *mut ffi::sqlite3_context, _n: c_int, args: *mut *mut ffi::sqlite3_value) {
        // SAFETY: as above.
        let (_, x) = unsafe { argument(context, args) };
        // SAFETY: the connection is open, and closed by its owner.
        let db = unsafe { Db::of(call(|| ffi::sqlite3_context_db_handle(context))) };
        let sum = db.integer(&format!("SELECT ask({x}) + ask({x} + 1)"));
        give(context, sum.as_ref().copied().map_err(String::as_str));
    }

    /// The collation. Its value for C, should it panic: equal.
    unsafe fn tour_sql_order(data: *mut c_void, m: c_int, a: *const c_void, n: c_int, b: *const c_void) -> c_int = 0 {
        // SAFETY: SQLite passes the connection's `Asker`, and two texts with their lengths.
        let (asker, a, b) = unsafe { (&*data.cast::<Asker>(), bytes(a, m), bytes(b, n)) };
        asker.ask(Ask::Order(a, b)).map_or(0, |order| order as c_int)
    }
}

/// # Safety
///
/// `context` carries an `Asker` that outlives the query, and `args` has one value.
unsafe fn argument<'a>(
    context: *mut ffi::sqlite3_context,
    args: *mut *mut ffi::sqlite3_value,
) -> (&'a Asker, i64) {
    // SAFETY: the caller's promise.
    call(|| unsafe {
        (&*ffi::sqlite3_user_data(context).cast::<Asker>(), ffi::sqlite3_value_int64(*args))
    })
}

/// # Safety
///
/// `n` bytes lie at `text`.
unsafe fn bytes(text: *const c_void, n: c_int) -> Vec<u8> {
    match usize::try_from(n) {
        // SAFETY: the caller's promise.
        Ok(n) if n > 0 => unsafe { slice::from_raw_parts(text.cast(), n) }.to_vec(),
        // An empty text may be null.
        _ => Vec::new(),
    }
}

/// A function's result, or its error.
fn give(context: *mut ffi::sqlite3_context, result: Result<i64, &str>) {
    // SAFETY: the functions pass the context that they are running in; SQLite copies the message.
    call(|| unsafe {
        match result {
            Ok(value) => ffi::sqlite3_result_int64(context, value),
            Err(message) => {
                ffi::sqlite3_result_error(context, message.as_ptr().cast(), message.len() as c_int);
            }
        }
    });
}

/// Makes the functions known to a connection, which is closed before `asker` is gone.
pub fn register(db: &Db, asker: &Asker) -> Result<(), String> {
    let data = (&raw const *asker).cast_mut().cast();
    db.function(c"ask", tour_sql_ask, data)?;
    db.function(c"nested", tour_sql_nested, data)?;
    db.collation(c"asked", tour_sql_order, data)
}
