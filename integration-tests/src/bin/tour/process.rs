//! What the kernel says about this process, its memory, and the calling thread.

use std::fs;

/// The kernel's number of the calling thread. (No thread-local: goroutines may ask.)
pub fn thread_id() -> i64 {
    // SAFETY: it only asks.
    unsafe { libc::syscall(libc::SYS_gettid) }
}

/// A line `NAME: n kB` of a file in `/proc`, in bytes.
fn kilobytes(file: &str, name: &str) -> Result<u64, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    let number = text.lines().find_map(|line| {
        line.strip_prefix(name)?.strip_prefix(':')?.split_whitespace().next()?.parse::<u64>().ok()
    });
    number.map(|kib| kib * 1024).ok_or_else(|| format!("{file} has no line {name}"))
}

/// Bytes that are resident, page tables apart. The quick figure in `status` may be late by
/// some pages for each thread; this one is counted.
pub fn resident() -> Result<u64, String> {
    kilobytes("/proc/self/smaps_rollup", "Rss")
}

/// Bytes of this process's page tables.
pub fn page_tables() -> Result<u64, String> {
    kilobytes("/proc/self/status", "VmPTE")
}

/// Bytes that may still be used: of the machine, and of the cgroups that this process is in.
pub fn available() -> Result<u64, String> {
    let mut least = kilobytes("/proc/meminfo", "MemAvailable")?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (root, most, used) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
            _ => continue,
        };
        // A limit further up binds too.
        let mut path = path.trim_end_matches('/');
        loop {
            let read = |file: &str| -> Option<u64> {
                fs::read_to_string(format!("{root}{path}/{file}")).ok()?.trim().parse().ok()
            };
            if let (Some(most), Some(used)) = (read(most), read(used)) {
                least = least.min(most.saturating_sub(used));
            }
            let Some(cut) = path.rfind('/') else { break };
            path = &path[..cut];
        }
    }
    Ok(least)
}
