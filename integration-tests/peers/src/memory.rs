//! Resident memory of this process.

/// Bytes resident, page tables not among them.
pub fn resident() -> u64 {
    let text =
        std::fs::read_to_string("/proc/self/smaps_rollup").expect("the kernel has smaps_rollup");
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).expect("it has an Rss line");
    let kib = line.trim().trim_end_matches(" kB").parse::<u64>();
    kib.expect("in kB") * 1024
}

/// Resident bytes a piece, between `before` and now.
pub fn each(before: u64, pieces: usize) -> f64 {
    (resident() - before) as f64 / pieces as f64
}

/// An empty vector whose room is already resident, so that keeping handles does not count.
pub fn room<T>(len: usize) -> Vec<T> {
    let mut room: Vec<T> = Vec::with_capacity(len);
    for slot in room.spare_capacity_mut() {
        // SAFETY: the byte lies within the vector's own spare room, which holds no value.
        unsafe { std::ptr::from_mut(slot).cast::<u8>().write_volatile(0) };
    }
    room
}

/// Whether reading at this address is a fault.
pub fn faults(address: usize) -> bool {
    // SAFETY: the kernel checks the address; what it reads it takes for a path, and the answer changes nothing.
    let answer = unsafe { libc::access(address as *const libc::c_char, libc::F_OK) };
    answer != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}
