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

/// Unmaps the program's own code and constants: what is used again is mapped again from the file, a few dozen soft faults, and what
/// only starting or a flood of sign-ins used is not. Else a server that answers a request now and then holds all that it ever ran.
pub fn give_back_code() {
    #[cfg(target_os = "linux")]
    for mapping in clean_mappings().unwrap_or_default() {
        #[expect(
            unsafe_code,
            reason = "rustix marks madvise unsafe for the advices that change what is read; this one, on a mapping of a file that nobody may write, changes nothing"
        )]
        // SAFETY: the range is one of our mappings that were never written, as the kernel itself lists them, so that each page is read
        // from the file again with the same content (madvise(2), MADV_DONTNEED).
        let result = unsafe {
            rustix::mm::madvise(
                std::ptr::with_exposed_provenance_mut(mapping.start),
                mapping.len(),
                rustix::mm::Advice::LinuxDontNeed,
            )
        };
        if let Err(error) = result {
            tracing::debug!(%error, "cannot release code pages; they stay resident");
        }
    }
}

/// Where the program's own file is mapped and never was written: its code, and the constants that it begins with. What is read-only
/// further on holds addresses that the loader wrote into it before it was. `None` where the kernel does not tell.
#[cfg(target_os = "linux")]
fn clean_mappings() -> Option<Vec<std::ops::Range<usize>>> {
    let program = std::fs::read_link("/proc/self/exe").ok()?;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let clean = maps.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (range, rights, offset, file) = (fields.next()?, fields.next()?, fields.next()?, fields.nth(2)?);
        let (start, end) = range.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let is_clean = rights == "r-xp" || (rights == "r--p" && number(offset)? == 0);
        (is_clean && std::path::Path::new(file) == program).then_some(number(start)?..number(end)?)
    });
    Some(clean.collect())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn code_goes_on_after_it_was_given_back() {
        let mappings = clean_mappings().expect("the kernel tells");
        let code = (code_goes_on_after_it_was_given_back as fn()) as usize;
        let constant = "still here";
        for address in [code, constant.as_ptr() as usize] {
            assert!(mappings.iter().any(|mapping| mapping.contains(&address)), "{address:x} in {mappings:x?}");
        }
        for _ in 0..3 {
            give_back_code();
            assert_eq!(constant, ["still", "here"].join(" "));
        }
    }
}
