//! Files in an S3-compatible bucket: sent so that a broken upload goes on where it was, listed, read in ranges, deleted.
//!
//! It knows keys and bytes only: what a recording is, when it is sent and how often that is tried again is decided by the
//! caller. Single requests are tried again here, for some minutes.

mod progress;
mod settings;

use std::io;
use std::ops::Range;
use std::path::Path as FilePath;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, ObjectStore as _, PutMultipartOptions, PutOptions, PutPayload,
};
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use progress::Progress;
pub use settings::Settings;

/// Of a large file. S3 wants 5 MiB at least; one is in memory for each file being sent.
const PART: u64 = 8 * 1024 * 1024;
/// S3's limit. Parts of larger files are larger.
const MAX_PARTS: u64 = 10_000;
/// Keys in one list are not worth more memory than this.
const MAX_LISTED: usize = 1_000_000;

/// A bucket, or a folder in one.
#[derive(Debug)]
pub struct Bucket {
    name: String,
    folder: String,
    plain: AmazonS3,
    /// With the headers that new objects get.
    creating: AmazonS3,
}

/// What could not be done, and why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings cannot be right.
    #[error("{0}")]
    Settings(String),
    /// No such object.
    #[error("there is no {key} in bucket {bucket}")]
    Missing {
        /// Where.
        bucket: String,
        /// Which.
        key: String,
    },
    /// The service refused, or could not be reached.
    #[error("bucket {bucket}: {source}")]
    Service {
        /// Which.
        bucket: String,
        /// The service's words.
        source: object_store::Error,
    },
    /// A file of this machine.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// What is wanted of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Everything.
    All,
    /// These bytes; an end after the object's is the object's.
    Range(Range<u64>),
    /// From here on.
    From(u64),
    /// As many bytes of the end.
    Last(u64),
}

/// An object being read.
pub struct Content {
    /// Of the whole object, in bytes.
    pub size: u64,
    /// What comes.
    pub range: Range<u64>,
    /// Changes with the content.
    pub etag: Option<String>,
    /// When it was sent.
    pub modified: SystemTime,
    /// Its bytes.
    pub body: std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>,
}

impl Bucket {
    /// Asks nobody yet: see [`Bucket::check`].
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        let (name, folder) = settings.place()?;
        Ok(Self { name, folder, plain: settings.client(false)?, creating: settings.client(true)? })
    }

    /// Without the folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the bucket is there and may be read.
    pub async fn check(&self) -> Result<(), Error> {
        let mut objects = self.plain.list(self.prefix().as_ref());
        match objects.next().await {
            Some(Err(source)) => Err(self.failed("", source)),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Puts a file there, whole or not at all. A large one is sent in parts, which are noted in the file `progress`: if
    /// that is still there the next time, only the others are sent. It is removed at the end.
    pub async fn put_file(&self, key: &str, file: &FilePath, progress: &FilePath) -> Result<(), Error> {
        let key = self.key(key)?;
        let metadata = fs::metadata(file).await.map_err(|error| unreadable(file, error))?;
        if metadata.len() <= PART {
            let bytes = fs::read(file).await.map_err(|error| unreadable(file, error))?;
            return self.put_whole(&key, bytes).await;
        }
        let size = metadata.len();
        let part = PART.max(size.div_ceil(MAX_PARTS));
        let modified = metadata.modified().map_err(|error| unreadable(file, error))?;
        let begun = Progress::read(progress).filter(|begun| begun.is_of(key.as_ref(), size, part, modified));
        let resumed = begun.is_some();
        let sent = match begun {
            Some(begun) => self.put_parts(&key, file, progress, begun).await,
            None => self.put_anew(&key, file, progress, Progress::new(key.as_ref(), size, part, modified)).await,
        };
        let sent = match sent {
            // Services forget uploads that nobody goes on with; some then say that it is somebody else's.
            Err(
                Error::Missing { .. } | Error::Service { source: object_store::Error::PermissionDenied { .. }, .. },
            ) if resumed => {
                self.put_anew(&key, file, progress, Progress::new(key.as_ref(), size, part, modified)).await
            }
            sent => sent,
        };
        if sent.is_ok() {
            let _ = fs::remove_file(progress).await;
        }
        sent
    }

    /// Puts a small object there.
    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.put_whole(&self.key(key)?, bytes).await
    }

    /// The keys (within the bucket's folder, as everywhere here) that begin with the folders of `under`; all if it is empty.
    pub async fn list(&self, under: &str) -> Result<Vec<String>, Error> {
        let prefix = if under.is_empty() { self.prefix() } else { Some(self.key(under)?) };
        let objects = self.plain.list(prefix.as_ref()).take(MAX_LISTED);
        let objects = objects.map_ok(|object| self.without_folder(object.location.as_ref()).to_owned());
        objects.try_collect().await.map_err(|source| self.failed(under, source))
    }

    /// A small object, or the first `most` bytes of a larger one.
    pub async fn read(&self, key: &str, most: u64) -> Result<Bytes, Error> {
        let content = self.get(key, Wanted::Range(0..most)).await?;
        let bytes = content.body.try_fold(Vec::new(), async |mut all, bytes| {
            all.extend_from_slice(&bytes);
            Ok(all)
        });
        Ok(bytes.await?.into())
    }

    /// An object, or a part of it. A range that begins after its end is an error of the service.
    pub async fn get(&self, key: &str, wanted: Wanted) -> Result<Content, Error> {
        let path = self.key(key)?;
        let range = match wanted {
            Wanted::All => None,
            Wanted::Range(range) => Some(GetRange::Bounded(range)),
            Wanted::From(first) => Some(GetRange::Offset(first)),
            Wanted::Last(length) => Some(GetRange::Suffix(length)),
        };
        let options = GetOptions { range, ..GetOptions::default() };
        let got = self.plain.get_opts(&path, options).await.map_err(|source| self.failed(key, source))?;
        let (size, range, etag) = (got.meta.size, got.range.clone(), got.meta.e_tag.clone());
        let modified = got.meta.last_modified.into();
        let bucket = self.name.clone();
        let body = got.into_stream().map_err(move |source| Error::Service { bucket: bucket.clone(), source }).boxed();
        Ok(Content { size, range, etag, modified, body })
    }

    /// Removes every object in this folder. That there is none is no error.
    pub async fn delete(&self, folder: &str) -> Result<(), Error> {
        let prefix = self.key(folder)?;
        let found = self.plain.list(Some(&prefix)).map_ok(|object| object.location).boxed();
        let gone: Result<Vec<_>, _> = self.plain.delete_stream(found).try_collect().await;
        gone.map(|_| ()).map_err(|source| self.failed(folder, source))
    }

    async fn put_whole(&self, key: &Path, bytes: Vec<u8>) -> Result<(), Error> {
        let options = PutOptions { attributes: attributes(key), ..PutOptions::default() };
        let put = self.creating.put_opts(key, PutPayload::from(bytes), options).await;
        put.map(|_| ()).map_err(|source| self.failed(key.as_ref(), source))
    }

    async fn put_anew(
        &self,
        key: &Path,
        file: &FilePath,
        progress: &FilePath,
        mut begun: Progress,
    ) -> Result<(), Error> {
        let options = PutMultipartOptions { attributes: attributes(key), ..PutMultipartOptions::default() };
        let upload = self.creating.create_multipart_opts(key, options).await;
        begun.upload = upload.map_err(|source| self.failed(key.as_ref(), source))?;
        self.put_parts(key, file, progress, begun).await
    }

    async fn put_parts(
        &self,
        key: &Path,
        path: &FilePath,
        progress: &FilePath,
        mut begun: Progress,
    ) -> Result<(), Error> {
        let mut file = File::open(path).await.map_err(|error| unreadable(path, error))?;
        file.seek(io::SeekFrom::Start(begun.sent())).await.map_err(|error| unreadable(path, error))?;
        while begun.sent() < begun.size {
            let length = begun.part.min(begun.size - begun.sent());
            let mut bytes = Vec::new();
            (&mut file).take(length).read_to_end(&mut bytes).await.map_err(|error| unreadable(path, error))?;
            let sent = self.plain.put_part(key, &begun.upload, begun.parts.len(), PutPayload::from(bytes)).await;
            begun.parts.push(sent.map_err(|source| self.failed(key.as_ref(), source))?.content_id);
            if let Err(error) = begun.write(progress) {
                tracing::warn!(path = %progress.display(), %error, "after a restart this upload begins anew");
            }
        }
        let parts = begun.parts.into_iter().map(|content_id| PartId { content_id }).collect();
        let whole = self.plain.complete_multipart(key, &begun.upload, parts).await;
        whole.map(|_| ()).map_err(|source| self.failed(key.as_ref(), source))
    }

    /// Not percent-encoded like the library's own keys: `S~1` is `S~1` in the bucket, too.
    fn key(&self, key: &str) -> Result<Path, Error> {
        let missing = || Error::Missing { bucket: self.name.clone(), key: key.to_owned() };
        let whole = if self.folder.is_empty() { key.to_owned() } else { format!("{}/{key}", self.folder) };
        let path = Path::parse(&whole).map_err(|_| missing())?;
        // Slashes at the ends were left out.
        if key.is_empty() || path.as_ref() != whole { Err(missing()) } else { Ok(path) }
    }

    fn prefix(&self) -> Option<Path> {
        Path::parse(&self.folder).ok().filter(|_| !self.folder.is_empty())
    }

    fn without_folder<'a>(&self, key: &'a str) -> &'a str {
        key.strip_prefix(&self.folder).map_or(key, |key| key.trim_start_matches('/'))
    }

    fn failed(&self, key: &str, source: object_store::Error) -> Error {
        let bucket = self.name.clone();
        match source {
            object_store::Error::NotFound { .. } if !key.is_empty() => Error::Missing { bucket, key: key.to_owned() },
            source => Error::Service { bucket, source },
        }
    }
}

fn unreadable(path: &FilePath, source: io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}

fn attributes(key: &Path) -> Attributes {
    Attributes::from_iter([(Attribute::ContentType, content_type(key.as_ref()))])
}

/// What browsers need to know to play it or to save it.
pub fn content_type(key: &str) -> &'static str {
    match key.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "mkv" => "video/x-matroska",
        "zip" => "application/zip",
        "jpg" => "image/jpeg",
        "vtt" => "text/vtt",
        // As the disk's are served.
        "srt" => "application/x-subrip",
        _ => "application/octet-stream",
    }
}

/// For a connection, and for a service that says nothing.
const PATIENCE: Duration = Duration::from_secs(30);
