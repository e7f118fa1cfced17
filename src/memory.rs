//! Returning memory to the operating system.

/// Releases freed memory that the allocator still holds. Large freed blocks raise glibc's threshold for releasing
/// memory; without this call, the process would keep the memory of a flood of sign-ins.
pub fn release_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "there is no safe wrapper for this call; it takes a number and no pointers")]
    // SAFETY: `malloc_trim` may be called at any time from any thread (malloc_trim(3), "MT-Safe").
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Releases the pages of the executable's code and constants. The next access reads a page from the file again; code
/// that only start-up, the cleanup or a flood of sign-ins uses stays out of memory. bench/RESULTS.md measures the effect.
pub fn release_code() {
    #[cfg(target_os = "linux")]
    for mapping in unwritten_mappings().unwrap_or_default() {
        #[expect(
            unsafe_code,
            reason = "rustix marks `madvise` unsafe because some kinds of advice change memory; this one does not"
        )]
        // SAFETY: the kernel lists the range as a mapping of the executable that was never written. Each page is read
        // from the file again with the same content (madvise(2), MADV_DONTNEED).
        let result = unsafe {
            rustix::mm::madvise(
                std::ptr::with_exposed_provenance_mut(mapping.start),
                mapping.len(),
                rustix::mm::Advice::LinuxDontNeed,
            )
        };
        if let Err(error) = result {
            tracing::debug!(%error, "cannot release the pages of the executable");
        }
    }
}

/// The mappings of the executable that were never written: its code and its first constants. Later read-only mappings
/// contain addresses that the loader wrote. `None` if the kernel does not list the mappings.
#[cfg(target_os = "linux")]
fn unwritten_mappings() -> Option<Vec<std::ops::Range<usize>>> {
    let executable = std::fs::read_link("/proc/self/exe").ok()?;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let unwritten = maps.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (range, permissions, offset, file) = (fields.next()?, fields.next()?, fields.next()?, fields.nth(2)?);
        let (start, end) = range.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        let is_unwritten = permissions == "r-xp" || (permissions == "r--p" && address(offset)? == 0);
        (is_unwritten && std::path::Path::new(file) == executable).then_some(address(start)?..address(end)?)
    });
    Some(unwritten.collect())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn code_and_constants_are_unchanged_after_their_release() {
        let mappings = unwritten_mappings().expect("the kernel lists the mappings");
        let code = (code_and_constants_are_unchanged_after_their_release as fn()) as usize;
        let constant = "still here";
        for address in [code, constant.as_ptr() as usize] {
            assert!(mappings.iter().any(|mapping| mapping.contains(&address)), "{address:x} in {mappings:x?}");
        }
        for _ in 0..3 {
            release_code();
            assert_eq!(constant, ["still", "here"].join(" "));
        }
    }
}
