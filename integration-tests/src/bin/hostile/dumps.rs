//! A dump that is written to what asks for another dump of the same runtime.
#![forbid(unsafe_code)]

use std::io::{self, Write};

use g0_sched::{Runtime, Watch, channel, go, yield_now};

use crate::setup::Setup;

/// Asks the watch for numbers at each write, and for whole dumps at the first ones.
struct Out {
    watch: Watch,
    depth: usize,
    bytes: usize,
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(self.watch.stats().goroutines.all() > 0);
        if self.depth > 0 && self.bytes == 0 {
            let mut inner = Out { watch: self.watch.clone(), depth: self.depth - 1, bytes: 0 };
            self.watch.dump(&mut inner)?;
            assert!(inner.bytes > 0, "a dump of nothing");
        }
        yield_now();
        self.bytes += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From a goroutine, from another thread, and when the runtime has gone.
pub fn into_itself(setup: Setup) -> String {
    let runtime = setup.build(Runtime::builder());
    let watch = runtime.watch();
    let out = |watch: &Watch| Out { watch: watch.clone(), depth: 2, bytes: 0 };
    let theirs = watch.clone();
    let bytes = runtime.run(move || {
        let (_tx, rx) = channel::<u8>(0);
        for _ in 0..5 {
            let rx = rx.clone();
            drop(go(move || rx.recv().is_ok()));
        }
        yield_now();
        let mut here = out(&theirs);
        theirs.dump(&mut here).expect("it is written");
        let there = theirs.clone();
        let thread = std::thread::spawn(move || {
            let mut out = Out { watch: there.clone(), depth: 2, bytes: 0 };
            there.dump(&mut out).map(|()| out.bytes)
        });
        here.bytes + thread.join().expect("it ends").expect("it is written")
    });
    let mut after = Out { watch: watch.clone(), depth: 0, bytes: 0 };
    watch.dump(&mut after).expect("nothing is to be written");
    assert_eq!(after.bytes, 0);
    format!("{} bytes of two dumps, each with others within", bytes.expect("main returns"))
}
