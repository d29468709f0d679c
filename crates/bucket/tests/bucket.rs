//! Against a real S3 server.

use std::fs;

use bucket::{Bucket, Error, Settings, Wanted};
use futures_util::TryStreamExt as _;
use tempfile::TempDir;
use testbed::s3::S3Service;

const MEBI: usize = 1024 * 1024;

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

async fn read(bucket: &Bucket, key: &str, wanted: Wanted) -> Vec<u8> {
    let content = bucket.get(key, wanted).await.unwrap();
    let bytes: Vec<_> = content.body.try_collect().await.unwrap();
    assert_eq!(bytes.iter().map(|bytes| bytes.len() as u64).sum::<u64>(), content.range.end - content.range.start);
    bytes.concat()
}

fn settings(service: &S3Service) -> Settings {
    let account = service.account();
    Settings {
        bucket: account.bucket.to_owned(),
        endpoint: Some(account.endpoint),
        path_style: true,
        region: Some(account.region.to_owned()),
        credentials: Some((account.key.to_owned(), account.secret.to_owned())),
        headers: vec![],
    }
}

fn open(settings: &Settings) -> Bucket {
    Bucket::open(settings).unwrap()
}

#[tokio::test]
async fn files_are_sent_listed_read_in_ranges_and_deleted() {
    let folder = TempDir::new().unwrap();
    let service = S3Service::start(&folder.path().join("s3")).await;
    // As an original's bucket may be set up: a folder in it, or not.
    for place in ["recordings/of/ours", "recordings"] {
        let settings = Settings { bucket: place.to_owned(), ..settings(&service) };
        let bucket = open(&settings);
        bucket.check().await.unwrap();
        let file = folder.path().join("call.zip");
        fs::write(&file, bytes(1000)).unwrap();
        let progress = folder.path().join("progress");
        for key in ["S/call.zip", "S~1/call.zip", "S~1/.recording.S~1"] {
            bucket.put_file(key, &file, &progress).await.unwrap();
        }
        let mut keys = bucket.list("").await.unwrap();
        keys.sort();
        assert_eq!(keys, ["S/call.zip", "S~1/.recording.S~1", "S~1/call.zip"]);
        assert_eq!(bucket.list("S").await.unwrap().len(), 1, "not those of S~1");
        assert_eq!(read(&bucket, "S/call.zip", Wanted::All).await, bytes(1000));
        assert_eq!(read(&bucket, "S/call.zip", Wanted::Range(10..20)).await, bytes(1000)[10..20]);
        assert_eq!(read(&bucket, "S/call.zip", Wanted::From(990)).await, bytes(1000)[990..]);
        assert_eq!(read(&bucket, "S/call.zip", Wanted::Last(7)).await, bytes(1000)[993..]);
        assert_eq!(bucket.read("S/call.zip", 5).await.unwrap(), bytes(1000)[..5]);
        bucket.delete("S").await.unwrap();
        bucket.delete("S").await.unwrap();
        assert!(matches!(bucket.get("S/call.zip", Wanted::All).await, Err(Error::Missing { .. })));
        assert_eq!(bucket.list("").await.unwrap().len(), 2, "S~1 is somebody else");
        bucket.delete("S~1").await.unwrap();
    }
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_was() {
    let folder = TempDir::new().unwrap();
    let service = S3Service::start(&folder.path().join("s3")).await;
    let (file, progress) = (folder.path().join("call.mp4"), folder.path().join("progress"));
    let content = bytes(26 * MEBI + 11);
    fs::write(&file, &content).unwrap();

    service.be_silent_for(Some("partNumber=3"));
    {
        let bucket = open(&settings(&service));
        tokio::select! {
            sent = bucket.put_file("S/call.mp4", &file, &progress) => panic!("{sent:?}"),
            () = service.fell_silent() => {}
        }
    }
    service.be_silent_for(None);
    let bucket = open(&settings(&service));
    assert!(bucket.list("").await.unwrap().is_empty(), "nothing that is not whole");
    bucket.put_file("S/call.mp4", &file, &progress).await.unwrap();
    assert_eq!(read(&bucket, "S/call.mp4", Wanted::All).await, content);
    assert_eq!([1, 2, 3, 4].map(|part| service.count(&format!("partNumber={part}"))), [1, 1, 2, 1]);
    assert!(!progress.exists());
}

#[tokio::test]
async fn an_upload_that_the_service_forgot_begins_anew() {
    let folder = TempDir::new().unwrap();
    let service = S3Service::start(&folder.path().join("s3")).await;
    let (file, progress) = (folder.path().join("call.mp4"), folder.path().join("progress"));
    fs::write(&file, bytes(11 * MEBI)).unwrap();
    let bucket = open(&settings(&service));
    service.be_silent_for(Some("partNumber=2"));
    tokio::select! {
        sent = bucket.put_file("S/call.mp4", &file, &progress) => panic!("{sent:?}"),
        () = service.fell_silent() => {}
    }
    let other = S3Service::start(&folder.path().join("empty")).await;
    let bucket = open(&settings(&other));
    bucket.put_file("S/call.mp4", &file, &progress).await.unwrap();
    assert_eq!(read(&bucket, "S/call.mp4", Wanted::All).await, bytes(11 * MEBI));
    // Neither does one whose file has changed, or whose notes are garbage.
    for notes in ["", "{}", "[1]", "{\"key\":\"S/call.mp4\"}"] {
        fs::write(&progress, notes).unwrap();
        bucket.put_file("S/call.mp4", &file, &progress).await.unwrap();
    }
}

#[tokio::test]
async fn new_objects_get_the_headers_and_a_type() {
    let folder = TempDir::new().unwrap();
    let service = S3Service::start(&folder.path().join("s3")).await;
    let headers =
        vec![("Cache-Control".to_owned(), "max-age=7".to_owned()), ("x-amz-meta-class".to_owned(), "3b".to_owned())];
    let bucket = open(&Settings { headers, ..settings(&service) });
    let file = folder.path().join("file");
    for (name, length) in [("small.mp4", 10), ("large.mp4", 9 * MEBI)] {
        fs::write(&file, bytes(length)).unwrap();
        bucket.put_file(name, &file, &folder.path().join("progress")).await.unwrap();
        // What the server noted beside the object.
        let noted = fs::read_dir(folder.path().join("s3")).unwrap().map(|entry| entry.unwrap().path());
        let noted: String = noted.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).unwrap()).collect();
        for words in ["max-age=7", "\"class\":\"3b\"", "video/mp4"] {
            assert!(noted.contains(words), "{name}: {noted}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let folder = TempDir::new().unwrap();
    let service = S3Service::start(&folder.path().join("s3")).await;
    let wrong = |change: fn(&mut Settings)| {
        let mut settings = settings(&service);
        change(&mut settings);
        settings
    };
    for bucket in ["", "/folder", "a/../b", "a//b"] {
        let settings = Settings { bucket: bucket.to_owned(), ..settings(&service) };
        assert!(matches!(Bucket::open(&settings), Err(Error::Settings(_))), "{bucket}");
    }
    let header = wrong(|settings| settings.headers = vec![("a b".to_owned(), String::new())]);
    assert!(matches!(Bucket::open(&header), Err(Error::Settings(_))));

    let secret = wrong(|settings| settings.credentials.as_mut().unwrap().1 = "guessed".to_owned());
    let error = Bucket::open(&secret).unwrap().check().await.unwrap_err().to_string();
    assert!(error.contains("recordings") && !error.contains("guessed"), "{error}");
    assert!(!format!("{secret:?}").contains("guessed"));
    let missing = wrong(|settings| settings.bucket = "nobodys".to_owned());
    assert!(Bucket::open(&missing).unwrap().check().await.is_err());

    let bucket = open(&settings(&service));
    let nowhere = folder.path().join("nowhere");
    assert!(matches!(bucket.put_file("key", &nowhere, &nowhere).await, Err(Error::File { .. })));
    for key in ["", "/", "/key", "key/", "a//b", "../key"] {
        let got = bucket.get(key, Wanted::All).await.map(|content| content.range);
        assert!(matches!(got, Err(Error::Missing { .. })), "{key}: {got:?}");
    }
}
