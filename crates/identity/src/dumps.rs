//! No picture of this process' memory is written when it crashes: tokens are in it.
//!
//! Owns the two switches. A limit of zero stops the kernel's own files; a process that cannot be dumped is given to no
//! handler either (systemd-coredump, apport), and is traced by no other program of the person's.

/// Turns core dumps off for this process. Called before anything secret is read.
///
/// # Errors
/// The system does not allow it; whoever goes on says so.
#[cfg(unix)]
pub fn no_core_dumps() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Windows writes none unless somebody asked for them in the registry.
#[cfg(not(unix))]
pub fn no_core_dumps() -> std::io::Result<()> {
    Ok(())
}
