//! How many processors this process may use.

use core::sync::atomic::AtomicUsize;
use std::fs;
use std::string::String;

/// CPUs that the process had at the last count. Written by every runtime that is built, and by sysmon.
pub(super) static CPUS: AtomicUsize = AtomicUsize::new(1);

/// CPUs of the affinity mask, at most the cgroup's quota (rounded up); at least 1.
pub(super) fn procs() -> usize {
    let affine = affine();
    quota().map_or(affine, |quota| affine.min(quota)).max(1)
}

/// CPUs that the calling thread may run on.
pub(super) fn affine() -> usize {
    // SAFETY: a set of zeroes is an empty set; the call writes at most its size.
    unsafe {
        let mut set: libc::cpu_set_t = core::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) == 0 {
            libc::CPU_COUNT(&set).unsigned_abs() as usize
        } else {
            std::thread::available_parallelism().map_or(1, usize::from)
        }
    }
}

/// Returns the tightest CPU quota of the cgroups that this process is in (version 2, or 1).
fn quota() -> Option<usize> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut least = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let root = if controllers.is_empty() {
            "/sys/fs/cgroup"
        } else if controllers.split(',').any(|c| c == "cpu") {
            "/sys/fs/cgroup/cpu"
        } else {
            continue;
        };
        // A quota further up binds too.
        let mut path: &str = path.trim_end_matches('/');
        loop {
            let here = read_quota(&std::format!("{root}{path}"));
            least = match (least, here) {
                (Some(a), Some(b)) => Some(usize::min(a, b)),
                (a, b) => a.or(b),
            };
            let Some(cut) = path.rfind('/') else { break };
            path = &path[..cut];
        }
    }
    least
}

fn read_quota(folder: &str) -> Option<usize> {
    let read =
        |file: &str| -> Option<String> { fs::read_to_string(std::format!("{folder}/{file}")).ok() };
    let (quota, period) = match read("cpu.max") {
        Some(text) => parse_max(&text)?,
        None => (
            read("cpu.cfs_quota_us")?.trim().parse::<u64>().ok()?,
            read("cpu.cfs_period_us")?.trim().parse::<u64>().ok()?,
        ),
    };
    (period != 0).then(|| quota.div_ceil(period).max(1) as usize)
}

/// `cpu.max`: "quota period", or "max period" for none.
fn parse_max(text: &str) -> Option<(u64, u64)> {
    let mut words = text.split_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_file_says_quota_and_period() {
        assert_eq!(parse_max("150000 100000\n"), Some((150_000, 100_000)));
        assert_eq!(parse_max("max 100000\n"), None);
        assert_eq!(parse_max(""), None);
    }

    #[test]
    fn at_least_one_processor_is_found() {
        assert!(procs() >= 1 && procs() <= affine());
    }
}
