//! A stage of a pipeline.

use g0_sched::select;

use crate::rt::Chan;

/// Takes values from one channel, does something to each, and sends it on the next, which it closes
/// when the first is closed or `stop` is. A value that is in its hands when it is stopped is dropped.
pub fn stage<A, B, const IN: usize, const OUT: usize>(
    from: &Chan<A, IN>,
    to: &Chan<B, OUT>,
    stop: &Chan<(), 0>,
    mut work: impl FnMut(A) -> B,
) {
    loop {
        let value = select! {
            recv(from) -> value => match value {
                Ok(value) => work(value),
                Err(_) => break, // there are no more
            },
            recv(stop) -> _ => break,
        };
        // Nobody may be there any more who receives: so it goes on listening.
        select! {
            send(to, value) -> sent => if sent.is_err() { break },
            recv(stop) -> _ => break,
        }
    }
    // An error says that the receiver has closed it already.
    let _ = to.close();
}
