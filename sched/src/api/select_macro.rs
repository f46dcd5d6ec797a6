//! The `select!` macro: cases out of arms.

/// Waits for the first of several channel operations, and does what its arm says. Of several that
/// can be carried out at once each has the same chance.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use std::time::Duration;
///
/// use g0_sched::{Runtime, channel, go, select};
///
/// Runtime::builder().build()?.run(|| {
///     let (numbers, rx) = channel(0);
///     let (tx, words) = channel(1);
///     go(move || numbers.send(1));
///     let mut got = 0;
///     for _ in 0..2 {
///         select! {
///             recv(rx) -> number => got += number.unwrap(),
///             send(tx, "a word") -> sent => sent.unwrap(),
///             default(Duration::from_secs(10)) => panic!("nothing happens"),
///         }
///         // Its buffer is full now or later: this arm is not ready then.
///         let _ = words.try_recv();
///     }
///     assert!(got <= 1);
/// })?;
/// # }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// | arm | is chosen | binds |
/// |---|---|---|
/// | `recv(end) -> pattern => …` | when a value is there, or never will be | `Result<T, RecvError>` |
/// | `send(end, value) -> pattern => …` | when there is room or a receiver, or never will be | `Result<(), SendError<T>>` |
/// | `default => …` | when no other arm can be at once | |
/// | `default(length) => …` | when no other arm could be for that long | |
///
/// An end is a `Receiver` or a `Sender`, a `Chan` in place, a reference to one, or an `Option` of it:
/// `None` is never ready (Go's nil channel). Ends and values are evaluated once, in the order in
/// which they are written, before anything waits; the value of an arm that is not chosen is dropped,
/// and so is what it owns: send a clone if it is needed again. `select! {}` waits for ever.
///
/// A `length` of zero is as a plain `default`; one beyond the end of time never ends the wait.
///
/// An arm ends with a comma or with a block, as in `match`. For a number of cases that is not known
/// in advance use [`generic::select`](crate::generic::select).
///
/// # Panics
///
/// On the system stack. It is not for interrupt handlers.
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => {
        $crate::__select!(@arms [] [] $($arms)*)
    };
}

/// One arm at a time from the tokens, then one case at a time: `[{kind args pattern body}…]` and
/// `[default]`.
///
/// What is no arm is refused, in words. This is one that compiles:
///
/// ```
/// # #[cfg(feature = "std")] {
/// let (tx, rx) = g0_sched::channel::<u32>(1);
/// g0_sched::select! {
///     send(tx, 1) -> sent => sent.unwrap(),
///     recv(rx) -> _ => {}
///     default => {}
/// }
/// # }
/// ```
///
/// With an operation that is not known:
///
/// ```compile_fail
/// let (tx, rx) = g0_sched::channel::<u32>(1);
/// g0_sched::select! {
///     give(tx, 1) -> sent => sent.unwrap(),
///     recv(rx) -> _ => {}
///     default => {}
/// }
/// ```
///
/// With two defaults, of either kind:
///
/// ```compile_fail
/// let (tx, rx) = g0_sched::channel::<u32>(1);
/// g0_sched::select! {
///     default => {}
///     send(tx, 1) -> sent => sent.unwrap(),
///     recv(rx) -> _ => {}
///     default => {}
/// }
/// ```
///
/// ```compile_fail
/// let (tx, rx) = g0_sched::channel::<u32>(1);
/// g0_sched::select! {
///     send(tx, 1) -> sent => sent.unwrap(),
///     recv(rx) -> _ => {}
///     default => {}
///     default(core::time::Duration::ZERO) => {}
/// }
/// ```
///
/// Without a pattern, and with a pattern that does not take every outcome:
///
/// ```compile_fail
/// let (tx, rx) = g0_sched::channel::<u32>(1);
/// g0_sched::select! {
///     send(tx, 1) => {}
///     recv(rx) -> _ => {}
///     default => {}
/// }
/// ```
///
/// ```compile_fail
/// let (tx, rx) = g0_sched::channel::<u32>(1);
/// g0_sched::select! {
///     send(tx, 1) -> sent => sent.unwrap(),
///     recv(rx) -> Ok(_) => {}
///     default => {}
/// }
/// ```
///
/// Without a value to send:
///
/// ```compile_fail
/// let (tx, rx) = g0_sched::channel::<u32>(1);
/// g0_sched::select! {
///     send(tx) -> sent => sent.unwrap(),
///     recv(rx) -> _ => {}
///     default => {}
/// }
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    // Arms, until no token is left.
    (@arms [] []) => { $crate::__nothing!() };
    (@arms [] [{() ($body:expr)}]) => { $body };
    (@arms [] [{($length:expr) ($body:expr)}]) => {{
        $crate::__nothing!($length);
        $body
    }};
    (@arms [$($done:tt)+] [$($default:tt)*]) => {
        match $crate::__select!(@cases [] [$($done)+] [$($default)*]) {
            outcome => $crate::__select!(@run outcome [$($done)+] [$($default)*])
        }
    };
    (@arms [$($done:tt)*] [] default => $body:block $(, $($rest:tt)*)?) => {
        $crate::__select!(@arms [$($done)*] [{() ($body)}] $($($rest)*)?)
    };
    (@arms [$($done:tt)*] [] default => $body:block $($rest:tt)*) => {
        $crate::__select!(@arms [$($done)*] [{() ($body)}] $($rest)*)
    };
    (@arms [$($done:tt)*] [] default => $body:expr $(, $($rest:tt)*)?) => {
        $crate::__select!(@arms [$($done)*] [{() ($body)}] $($($rest)*)?)
    };
    (@arms [$($done:tt)*] [] default($length:expr) => $body:block $(, $($rest:tt)*)?) => {
        $crate::__select!(@arms [$($done)*] [{($length) ($body)}] $($($rest)*)?)
    };
    (@arms [$($done:tt)*] [] default($length:expr) => $body:block $($rest:tt)*) => {
        $crate::__select!(@arms [$($done)*] [{($length) ($body)}] $($rest)*)
    };
    (@arms [$($done:tt)*] [] default($length:expr) => $body:expr $(, $($rest:tt)*)?) => {
        $crate::__select!(@arms [$($done)*] [{($length) ($body)}] $($($rest)*)?)
    };
    (@arms [$($done:tt)*] [$($some:tt)+] default $($rest:tt)*) => {
        ::core::compile_error!("select! has one `default` at most")
    };
    (@arms [$($done:tt)*] [$($default:tt)*]
        $kind:ident($($args:tt)*) -> $pattern:pat => $body:block $(, $($rest:tt)*)?) => {
        $crate::__select!(@arms [$($done)* {$kind ($($args)*) ($pattern) ($body)}]
            [$($default)*] $($($rest)*)?)
    };
    (@arms [$($done:tt)*] [$($default:tt)*]
        $kind:ident($($args:tt)*) -> $pattern:pat => $body:block $($rest:tt)*) => {
        $crate::__select!(@arms [$($done)* {$kind ($($args)*) ($pattern) ($body)}]
            [$($default)*] $($rest)*)
    };
    (@arms [$($done:tt)*] [$($default:tt)*]
        $kind:ident($($args:tt)*) -> $pattern:pat => $body:expr $(, $($rest:tt)*)?) => {
        $crate::__select!(@arms [$($done)* {$kind ($($args)*) ($pattern) ($body)}]
            [$($default)*] $($($rest)*)?)
    };
    (@arms $done:tt $default:tt $($rest:tt)+) => {
        ::core::compile_error!(::core::concat!(
            "select! expects `recv(end) -> pattern => …`, `send(end, value) -> pattern => …`, ",
            "`default => …` or `default(length) => …` instead of: ",
            ::core::stringify!($($rest)+)
        ))
    };

    // Cases: each in a variable of its own, whose name no other expansion sees. The ends are lent
    // until the outcome is known, and no longer: an arm may change them.
    (@cases [$($case:ident)*] [{recv ($end:expr $(,)?) $pattern:tt $body:tt} $($more:tt)*] $default:tt) => {
        match &$end {
            end => {
                let mut case = $crate::generic::OnRecv::on_recv(end);
                $crate::__select!(@cases [$($case)* case] [$($more)*] $default)
            }
        }
    };
    (@cases [$($case:ident)*] [{send ($end:expr, $value:expr $(,)?) $pattern:tt $body:tt} $($more:tt)*] $default:tt) => {
        match &$end {
            end => {
                let mut case = $crate::generic::OnSend::on_send(end, $value);
                $crate::__select!(@cases [$($case)* case] [$($more)*] $default)
            }
        }
    };
    (@cases $cases:tt [{$kind:ident $args:tt $pattern:tt $body:tt} $($more:tt)*] $default:tt) => {
        ::core::compile_error!(::core::concat!(
            "select! knows `recv(end)` and `send(end, value)`, not `",
            ::core::stringify!($kind $args), "`"
        ))
    };
    (@cases [$($case:ident)+] [] $default:tt) => {{
        let mut cases = [$(&mut $case as &mut dyn $crate::generic::Case<_>),+];
        $crate::__select!(@wait cases $default);
        $crate::__select!(@take $($case)+)
    }};
    (@wait $cases:ident []) => { $crate::generic::select(&mut $cases) };
    (@wait $cases:ident [{() $body:tt}]) => {
        $crate::generic::select_timeout(&mut $cases, ::core::time::Duration::ZERO)
    };
    (@wait $cases:ident [{($length:expr) $body:tt}]) => {
        $crate::generic::select_timeout(&mut $cases, $length)
    };
    (@take) => { () };
    (@take $case:ident $($more:ident)*) => { ($case.take(), $crate::__select!(@take $($more)*)) };

    // The outcome: a list of options, one of which is some, unless it is the default.
    (@run $outcome:ident [{$kind:ident $args:tt ($pattern:pat) ($body:expr)} $($more:tt)*] $default:tt) => {
        match $outcome {
            (::core::option::Option::Some(result), _) => {
                let $pattern = result;
                $body
            }
            (::core::option::Option::None, others) => {
                $crate::__select!(@run others [$($more)*] $default)
            }
        }
    };
    (@run $outcome:ident [] [{$length:tt ($body:expr)}]) => { $body };
    (@run $outcome:ident [] []) => { ::core::unreachable!("select ends with one of its cases") };
}

/// `select!` without cases: there is no channel to tell the platform.
#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
#[doc(hidden)]
#[macro_export]
macro_rules! __nothing {
    () => {{
        $crate::generic::select::<$crate::Hosted>(&mut []);
        ::core::unreachable!("a wait for nothing has no end")
    }};
    ($length:expr) => {
        $crate::generic::sleep::<$crate::Hosted>($length)
    };
}

/// `select!` without cases: there is no channel to tell the platform.
#[cfg(not(all(feature = "std", target_os = "linux", not(loom))))]
#[doc(hidden)]
#[macro_export]
macro_rules! __nothing {
    ($($length:expr)?) => {
        ::core::compile_error!(
            "select! without a channel: call `generic::select::<P>(&mut [])` or `generic::sleep::<P>(..)`"
        )
    };
}
