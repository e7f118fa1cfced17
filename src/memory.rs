//! Returning freed memory to the operating system.

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
