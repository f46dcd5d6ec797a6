//! Names that no thread can have, and odd ones for goroutines.
#![forbid(unsafe_code)]

use g0_sched::{Error, Runtime, current, go_named, yield_now};

use crate::setup::Setup;

pub fn odd(setup: Setup) -> String {
    let refused = ["a\0b", "\0", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "harbour\0"];
    for name in refused {
        let built = setup.try_build(Runtime::builder().name(name));
        assert_eq!(built.err(), Some(Error::ThreadName), "{name:?}");
    }
    let long: &'static str = Box::leak("long ".repeat(1 << 16).into_boxed_str());
    for name in ["", "\u{1}\n\r\t", "größer als fünfzehn Bytes", "\u{10ffff}", long] {
        setup.run_on(Runtime::builder().name(name), move || {
            let named = go_named(name, || {
                yield_now();
                current().map(|me| me.name())
            });
            assert_eq!(named.join().expect("it ends"), Some(name));
            // The name of a goroutine is no thread's.
            let named = go_named("a\0b", || current().map(|me| me.name()));
            assert_eq!(named.join().expect("it ends"), Some("a\0b"));
        });
    }
    format!("{} were refused, and the rest were names", refused.len())
}
