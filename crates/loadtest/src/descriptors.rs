//! How many sockets this process may have: each participant takes one, and one more for every stream that it sends or receives.

use crate::LoadTestError;
use crate::options::Shape;

/// Of the program itself, and for what is opened in between.
const OTHERS: u64 = 200;

/// Raises the limit as far as this process may.
///
/// # Errors
/// It is too low for the test all the same.
pub(crate) fn raise(shape: Shape) -> Result<(), LoadTestError> {
    let publishers = u64::from(shape.rooms) * u64::from(shape.publishers);
    let needed = shape.participants() + publishers + shape.legs() + OTHERS;
    match raised() {
        Some(available) if available < needed => Err(LoadTestError::Descriptors { needed, available }),
        _ => Ok(()),
    }
}

/// `None`: there is no limit, or it is not known.
#[cfg(unix)]
fn raised() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let before = getrlimit(Resource::Nofile);
    if before.current != before.maximum {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
        if let Err(error) = raised {
            tracing::debug!(%error, "the limit of open files stays");
        }
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn raised() -> Option<u64> {
    None
}
