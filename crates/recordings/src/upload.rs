//! Recordings on their way into a bucket, and what is known here of those in it.
//!
//! Nothing is removed here before it is there. Until then a recording is `stopped`, and its upload is tried again for as
//! long as it takes, after a restart too; what has been sent of a large file is not sent again.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use bucket::Error;
use futures_util::future::try_join_all;
use protocol::event::RecordingStatus;
use protocol::recording::RecordingView;
use tokio::time::sleep;

use crate::processing::Processed;
use crate::{Kept, Place, store};

/// Pause after a failure, doubled each time. The library tries single requests for some minutes already.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Metadata files fetched at a time.
const FETCHED: usize = 16;
/// Beginning of the names of files that tell how much of another one has been sent.
const PROGRESS: &str = ".upload.";

impl Processed {
    /// Returns once it is in the bucket, and ready.
    pub(super) async fn upload(mut self, kept: &Kept, place: &Place) -> Self {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.attempt(kept, place).await {
                Ok(()) => {
                    tracing::info!(recording = self.folder.id(), "in the bucket");
                    return self;
                }
                Err(error) => {
                    let seconds = pause.as_secs();
                    tracing::error!(recording = self.folder.id(), %error, "cannot be uploaded; again in {seconds} s");
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt(&mut self, kept: &Kept, place: &Place) -> Result<(), Failure> {
        let (bucket, id) = (&kept.bucket, self.folder.id());
        let _turn = kept.turns.acquire().await;
        let names = files(self.folder.path())?;
        for name in &names {
            let progress = self.folder.file(&format!("{PROGRESS}{name}"));
            bucket.put_file(&format!("{id}/{name}"), &self.folder.file(name), &progress).await?;
        }
        let ready = RecordingView { status: RecordingStatus::Ready, ..self.view.clone() };
        let ready = RecordingView { url: ready.clone().published(&place.public_url).url, ..ready };
        // Last, so that whoever finds it finds everything.
        let metadata = serde_json::to_vec(&ready).map_err(io::Error::other)?;
        bucket.put(&metadata_key(id), metadata).await?;
        self.folder.write(&ready)?;
        self.view = ready;
        if !kept.local_copy {
            names.iter().try_for_each(|name| store::remove(&self.folder.file(name)))?;
            self.folder.sync()?;
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Bucket(#[from] Error),
    #[error("{0}")]
    Disk(#[from] io::Error),
}

/// What is in a recording's folder for others.
fn files(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
    let names: io::Result<Vec<String>> = names.collect();
    names.map(|names| names.into_iter().filter(|name| !name.is_empty() && !name.starts_with('.')).collect())
}

fn metadata_key(id: &str) -> String {
    format!("{id}/{}", store::metadata_name(id))
}

/// Makes known here what others, or an earlier disk, have put into the bucket: their ids are taken, and REST lists them.
pub(super) async fn mirror(kept: &Kept, place: &Place) {
    if let Err(error) = try_mirror(kept, place).await {
        tracing::error!(%error, "what is in the bucket is not known here (settings OPENVIDU_PRO_AWS_…)");
    }
}

async fn try_mirror(kept: &Kept, place: &Place) -> Result<(), Failure> {
    let here: HashSet<String> = place.store.ids()?.into_iter().collect();
    let there = kept.bucket.list("").await?;
    let ids = there.iter().filter_map(|key| {
        let (id, name) = key.split_once('/')?;
        (name == store::metadata_name(id) && !here.contains(id)).then(|| id.to_owned())
    });
    let ids: Vec<String> = ids.collect();
    for some in ids.chunks(FETCHED) {
        try_join_all(some.iter().map(|id| adopt(kept, place, id))).await?;
    }
    Ok(())
}

async fn adopt(kept: &Kept, place: &Place, id: &str) -> Result<(), Failure> {
    let text = kept.bucket.read(&metadata_key(id), store::MAX_METADATA).await?;
    match serde_json::from_slice::<RecordingView>(&text) {
        Ok(view) => place.store.adopt(id, &view)?,
        Err(error) => tracing::warn!(recording = %id, %error, "a recording in the bucket cannot be read"),
    }
    Ok(())
}
