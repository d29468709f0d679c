//! Recordings on their way into a bucket, and what is known here of those in it.
//!
//! Nothing is removed here before it is there. Until then a recording is `stopped`; what has been sent of a large file is not
//! sent again. How often it is tried is the director's.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bucket::Bucket;
use futures_util::future::try_join_all;
use protocol::event::RecordingStatus;
use protocol::recording::RecordingView;

use crate::store::{self, Folder, Store};

/// Metadata files fetched at a time.
const FETCHED: usize = 16;
/// Beginning of the names of files that tell how much of another one has been sent.
const PROGRESS: &str = ".upload.";

/// Where finished recordings are kept, if not where they were made.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Where to.
    pub bucket: Arc<Bucket>,
    /// They stay here, too.
    pub local_copy: bool,
}

/// Why a recording is not in the bucket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("{0}")]
    Bucket(#[from] bucket::Error),
    #[error("{0}")]
    Disk(#[from] io::Error),
}

impl Destination {
    /// Brings a recording there. Returns once it is in the bucket, and ready.
    pub(crate) async fn take(
        &self,
        folder: &Folder,
        view: RecordingView,
        public_url: &str,
    ) -> Result<RecordingView, UploadError> {
        let id = folder.id();
        let names = files(folder.path())?;
        for name in &names {
            let progress = folder.file(&format!("{PROGRESS}{name}"));
            self.bucket.put_file(&format!("{id}/{name}"), &folder.file(name), &progress).await?;
        }
        let ready = RecordingView { status: RecordingStatus::Ready, ..view };
        let ready = RecordingView { url: ready.clone().published(public_url).url, ..ready };
        // Last, so that whoever finds it finds everything.
        let metadata = serde_json::to_vec(&ready).map_err(io::Error::other)?;
        self.bucket.put(&metadata_key(id), metadata).await?;
        folder.write(&ready)?;
        if !self.local_copy {
            names.iter().try_for_each(|name| store::remove(&folder.file(name)))?;
            folder.sync()?;
        }
        Ok(ready)
    }
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
pub(crate) async fn mirror(destination: &Destination, store: &Store) {
    if let Err(error) = try_mirror(destination, store).await {
        tracing::error!(%error, "what is in the bucket is not known here (settings OPENVIDU_PRO_AWS_…)");
    }
}

async fn try_mirror(destination: &Destination, store: &Store) -> Result<(), UploadError> {
    let here: HashSet<String> = store.ids()?.into_iter().collect();
    let there = destination.bucket.list("").await?;
    let ids = there.iter().filter_map(|key| {
        let (id, name) = key.split_once('/')?;
        (name == store::metadata_name(id) && !here.contains(id)).then(|| id.to_owned())
    });
    let ids: Vec<String> = ids.collect();
    for some in ids.chunks(FETCHED) {
        try_join_all(some.iter().map(|id| adopt(destination, store, id))).await?;
    }
    Ok(())
}

async fn adopt(destination: &Destination, store: &Store, id: &str) -> Result<(), UploadError> {
    let text = destination.bucket.read(&metadata_key(id), store::MAX_METADATA).await?;
    match serde_json::from_slice::<RecordingView>(&text) {
        Ok(view) => store.adopt(id, &view)?,
        Err(error) => tracing::warn!(recording = %id, %error, "a recording in the bucket cannot be read"),
    }
    Ok(())
}
