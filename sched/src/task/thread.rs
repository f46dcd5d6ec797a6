//! `block_on` for a thread that is no M: the thread waits on a parker, which its wakers share.

use alloc::sync::Arc;
use alloc::task::Wake;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use crate::parts::parker::Parker;
use crate::platform::Platform;

struct Thread<P> {
    parker: Parker,
    _platform: PhantomData<fn() -> P>,
}

impl<P: Platform> Wake for Thread<P> {
    fn wake(self: Arc<Self>) {
        self.parker.unpark::<P>();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.parker.unpark::<P>();
    }
}

pub(super) fn run<P: Platform, F: Future>(
    mut future: Pin<&mut F>,
    deadline: Option<u64>,
) -> Option<F::Output> {
    let thread = Arc::new(Thread::<P> { parker: Parker::new(), _platform: PhantomData });
    let waker = Waker::from(thread.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        let over = || deadline.is_some_and(|at| P::now() >= at);
        if over() {
            return None;
        }
        while !thread.parker.park::<P>(deadline) && !over() {}
    }
}
