//! Whether recordings can be kept in their bucket: a tiny object of the doctor's own is written, read and deleted again.

use std::time::Duration;

use bucket::{Bucket, Error};
use tokio::time::timeout;

use super::finding::{Access, Finding};

/// For everything together. Whoever asks for it waits longer ([`super::connection::THOROUGH`]).
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

const CONTENT: &[u8] = b"madang doctor";

/// `folder`: nobody else's in the bucket. It is gone afterwards, unless that is what fails.
pub(super) async fn examine(bucket: &Bucket, folder: &str, patience: Duration) -> Finding {
    let name = bucket.name().to_owned();
    let mut access = Access::List;
    match timeout(patience, try_out(bucket, folder, &mut access)).await {
        Ok(Ok(())) => Finding::BucketWorks { bucket: name },
        Ok(Err(error)) => Finding::BucketRefuses { bucket: name, access, error },
        Err(_) => Finding::BucketSilent { bucket: name },
    }
}

/// `access` tells how far it came.
async fn try_out(bucket: &Bucket, folder: &str, access: &mut Access) -> Result<(), String> {
    let key = format!("{folder}/object");
    let failed = |error: Error| error.to_string();
    bucket.check().await.map_err(failed)?;
    *access = Access::Write;
    bucket.put(&key, CONTENT.to_vec()).await.map_err(failed)?;
    *access = Access::Read;
    let read = bucket.read(&key, CONTENT.len() as u64).await.map_err(failed);
    if read.is_ok() {
        *access = Access::Delete;
    }
    // Even if it cannot be read: nothing shall stay.
    let deleted = bucket.delete(folder).await.map_err(failed);
    match read? {
        content if content == CONTENT => deleted,
        _ => {
            *access = Access::Read;
            Err("it is not what was written".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bucket::Settings;
    use testbed::s3::S3Service;

    use super::*;

    const FOLDER: &str = ".madang-doctor-test";

    async fn look(folder: &Path, silent_for: Option<&str>, patience: Duration) -> Finding {
        let service = S3Service::start(folder).await;
        service.be_silent_for(silent_for);
        let account = service.account();
        let settings = Settings {
            bucket: format!("{}/ours", account.bucket),
            endpoint: Some(account.endpoint),
            path_style: true,
            region: Some(account.region.to_owned()),
            credentials: Some((account.key.to_owned(), account.secret.to_owned())),
            headers: vec![],
        };
        examine(&Bucket::open(&settings).unwrap(), FOLDER, patience).await
    }

    #[tokio::test]
    async fn a_good_bucket_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let finding = look(folder.path(), None, Duration::MAX).await;
        assert!(matches!(finding, Finding::BucketWorks { bucket } if bucket == "recordings"));
        let left = std::fs::read_dir(folder.path().join("recordings/ours").join(FOLDER));
        assert_eq!(left.map_or(0, Iterator::count), 0);
    }

    #[tokio::test]
    async fn a_service_that_says_nothing_is_silent() {
        let folder = tempfile::tempdir().unwrap();
        // To the first request, and to the last one.
        for words in ["GET", "PUT", "?delete"] {
            let finding = look(folder.path(), Some(words), Duration::from_millis(300)).await;
            assert!(matches!(finding, Finding::BucketSilent { .. }), "{words}: {finding:?}");
        }
    }
}
