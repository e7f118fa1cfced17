//! Core dumps, which would write keys and passwords to disk.

/// Disables core dumps of this process, and keeps other processes of the same user from reading its memory.
pub(super) fn disable() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
            tracing::warn!(%error, "cannot limit core dumps");
        }
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // A program that receives dumps through a pipe (core_pattern) ignores the limit.
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%error, "cannot disable core dumps");
        }
    }
}
