//! A defect met with one event: it loses that event, and delivery goes on with the next.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt as _;

/// `None`: it panicked.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The same of what takes its time.
pub(crate) async fn guarded_async<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_nothing_and_the_rest_is_what_it_is() {
        let work = async |number: u8| {
            tokio::task::yield_now().await;
            assert_ne!(number, 2, "a defect, on purpose");
            number
        };
        let mut done = vec![];
        for number in 1..4 {
            done.push(guarded_async(work(number)).await);
        }
        assert_eq!(done, [Some(1), None, Some(3)]);
    }
}
