//! `cargo xtask targets aarch64`: the crates' tests under `qemu-user`, and the bare-metal image under `qemu-system`.

use crate::report::Report;
use crate::run::Cmd;
use crate::{debian, tree};
use std::path::{Path, PathBuf};

const PACKAGES: [&str; 12] = [
    "qemu-user",
    "gcc-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
    "rustc-web",
    "rust-web-src",
    "cargo-web",
    "rust-web-llvm",
    "rust-web-clippy",
    "lld-22",
    "clang-22",
    "qemu-system-arm",
    "gdb",
];
const LINUX: &str = "aarch64-unknown-linux-gnu";
const BARE: &str = "aarch64-unknown-none";
const KERNELS: &str = "integration-tests/kernels";
const IMAGE: &str = "virt-aarch64";

/// Runs the tests of arch, stack, defer, cgo and its library for C on aarch64, then the image.
pub fn aarch64(report: &mut Report, install: bool) {
    if !report.step("aarch64 packages", || debian::require(&PACKAGES, install)) {
        return;
    }
    for krate in ["arch", "stack", "defer", "cgo", "c"] {
        report.step(&format!("aarch64 test {}", tree::package(krate)), || test(krate, &[]));
    }
    // Its bound is another one when optimised.
    report.step("aarch64 a callback's budget", || {
        test("cgo", &["--release", "--test", "sched_budget"])
    });
    report.step("unsupported core refused", || {
        refused(
            "arch",
            "",
            "riscv64gc-unknown-none-elf",
            "core",
            "g0-arch has no assembly for this target",
        )
    });
    report.step("unsupported host refused", || {
        let host = "x86_64-unknown-freebsd";
        refused("sched", "std", host, "std", "g0-sched's hosted platform needs Linux")
    });
    report.step("clippy kernels", || {
        let cmd = kernels(debian::clippy()?.args(["--release", "--bins", "-p", IMAGE]))?;
        cmd.args(["--", "-D", "warnings"]).run()
    });
    report.step("aarch64 image", || {
        kernels(debian::cargo()?.args(["build", "--release", "-p", IMAGE]))?.run()?;
        boot(&target().join(BARE).join("release").join(IMAGE))
    });
}

/// A folder of its own: another compiler, other objects.
fn target() -> PathBuf {
    tree::target().join("debian")
}

fn test(krate: &str, more: &[&str]) -> Result<(), String> {
    let libc = sysroot()?;
    let runner = format!("qemu-aarch64 -L {}", libc.display());
    // What a test that starts itself once more must put in front: the kernel cannot execute it.
    let cmd = debian::cargo()?.env("G0_TEST_RUNNER", &runner);
    let cmd = cmd.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", runner);
    let cmd = cmd.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
    let cmd = cmd.args([
        "test",
        "--locked",
        "--no-fail-fast",
        "-Zbuild-std=std,panic_unwind,test",
        "--target",
        LINUX,
    ]);
    // The last of them is the library for C, which lies within cgo.
    let cmd = cmd.args(["-p", &tree::package(krate), "--all-features"]).args(more);
    // Every instruction is emulated, those of std's unwinder too: optimised a little, the tests take a fourth of the time.
    let cmd = cmd.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    let cmd = cmd.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    cmd.args(["--target-dir".as_ref(), target().as_os_str()]).dir(tree::root()).run()
}

/// A target that a crate does not have is refused by one error, which says so.
fn refused(krate: &str, feature: &str, host: &str, std: &str, text: &str) -> Result<(), String> {
    let cmd = debian::cargo()?.args(["check", "--locked", "--target", host, "--features", feature]);
    let cmd = cmd.args([&format!("-Zbuild-std={std}"), "-p", &tree::package(krate)]);
    let cmd = cmd.args(["--target-dir".as_ref(), target().as_os_str()]).dir(tree::root());
    cmd.capture()?.refused(text)
}

/// The folder that the cross libc is in, as qemu wants it: the one above its `lib`.
fn sysroot() -> Result<PathBuf, String> {
    let out = Cmd::new("aarch64-linux-gnu-gcc").args(["-print-file-name=libc.so.6"]).stdout()?;
    let libc = Path::new(out.trim()).canonicalize().map_err(|e| format!("no aarch64 libc: {e}"))?;
    libc.ancestors().nth(2).map(Path::to_path_buf).ok_or_else(|| "no aarch64 libc".into())
}

/// The command over the images' workspace, from its own folder, where its configuration is found.
fn kernels(cmd: Cmd) -> Result<Cmd, String> {
    tree::manifest(KERNELS)?;
    let std =
        ["-Zbuild-std=core,alloc,compiler_builtins", "-Zbuild-std-features=compiler-builtins-mem"];
    let cmd = cmd.args(std).args(["--locked", "--target", BARE]);
    let cmd = cmd.args(["--target-dir".as_ref(), target().as_os_str()]);
    Ok(cmd.dir(&tree::root().join(KERNELS)))
}

/// Boots the image. It ends the machine itself, with its exit status, through semihosting.
fn boot(image: &Path) -> Result<(), String> {
    // Without a network card, whose ROM would be a package of its own.
    let machine = ["-M", "virt", "-cpu", "cortex-a53", "-nographic", "-nic", "none"];
    let semihosting = ["-semihosting-config", "enable=on,target=native"];
    let qemu = Cmd::new("qemu-system-aarch64").args(machine).args(semihosting);
    let out = qemu.args(["-kernel".as_ref(), image.as_os_str()]).limit(60).capture()?;
    print!("{}", out.text());
    match (out.success, out.stdout.trim().is_empty()) {
        (false, _) => Err(out.ending),
        (true, true) => Err("the image ended without a word".into()),
        (true, false) => Ok(()),
    }
}
