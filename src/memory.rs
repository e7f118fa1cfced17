//! Giving freed memory back to the operating system. What may not live here: keeping or counting memory.

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
