//! Giving memory that is not needed now back to the operating system. What may not live here: keeping or counting memory.

/// Returns freed memory that the allocator still holds. Freed blocks of many megabytes raise glibc's threshold for giving them
/// back by itself, so that without this a flood of sign-ins would leave its memory behind.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(
        unsafe_code,
        reason = "glibc has no safe wrapper for this call; it takes a number and touches no memory of ours"
    )]
    // SAFETY: `malloc_trim` may be called at any time from any thread (malloc_trim(3), "MT-Safe").
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Unmaps the program's own code: what is used again is mapped again from the file, a few dozen soft faults, and what only starting
/// or a flood of sign-ins used is not. Else a server that answers a request now and then holds all that it ever ran.
pub fn give_back_code() {
    #[cfg(target_os = "linux")]
    for mapping in code_mappings().unwrap_or_default() {
        #[expect(
            unsafe_code,
            reason = "rustix marks madvise unsafe for the advices that change what is read; this one, on a mapping of a file that nobody may write, changes nothing"
        )]
        // SAFETY: the range is one of our executable mappings as the kernel itself lists it. It is private and clean, for it is not
        // writable, so that each page is read from the file again with the same content (madvise(2), MADV_DONTNEED).
        let result = unsafe {
            rustix::mm::madvise(
                std::ptr::with_exposed_provenance_mut(mapping.start),
                mapping.len(),
                rustix::mm::Advice::LinuxDontNeed,
            )
        };
        if let Err(error) = result {
            tracing::debug!(%error, "code stays mapped");
        }
    }
}

/// Where the program's own file is mapped as code: `None` where the kernel does not tell.
#[cfg(target_os = "linux")]
fn code_mappings() -> Option<Vec<std::ops::Range<usize>>> {
    let program = std::fs::read_link("/proc/self/exe").ok()?;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let code = maps.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (range, rights, file) = (fields.next()?, fields.next()?, fields.nth(3)?);
        let (start, end) = range.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        (rights == "r-xp" && std::path::Path::new(file) == program).then_some(address(start)?..address(end)?)
    });
    Some(code.collect())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn code_goes_on_after_it_was_given_back() {
        let mappings = code_mappings().expect("the kernel tells");
        let ours = (code_goes_on_after_it_was_given_back as fn()) as usize;
        assert!(mappings.iter().any(|mapping| mapping.contains(&ours)), "{mappings:x?}");
        for _ in 0..3 {
            give_back_code();
            assert_eq!("still here".len(), 10);
        }
    }
}
