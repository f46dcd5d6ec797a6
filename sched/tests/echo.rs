//! The echo example, small, on each kind of runtime.

mod common;
#[path = "../examples/echo.rs"]
#[allow(dead_code, reason = "its main function is not called")]
mod echo;

use common::on_each_kind;

#[test]
fn two_hundred_connections_are_echoed() {
    on_each_kind(|kind, procs| {
        kind.with_procs(procs).run(|| echo::exchange(200)).expect("a run").expect("all echoed");
    });
}
