//! How many files and connections this process may have open at a time: as many as the machine lets it. What clients may take
//! of them is in [`crate::limits`].

/// Raises the limit as far as this process may, and says how high it is; `None`: there is none, or it is not known.
#[cfg(unix)]
pub(crate) fn raise() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let before = getrlimit(Resource::Nofile);
    if before.current != before.maximum {
        // Where it is refused (macOS has another limit of its own) what was there is enough for a start.
        let raised = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
        if let Err(error) = raised {
            tracing::debug!(%error, "the limit of open files stays");
        }
    }
    getrlimit(Resource::Nofile).current.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Not known.
#[cfg(not(unix))]
pub(crate) fn raise() -> Option<usize> {
    None
}
