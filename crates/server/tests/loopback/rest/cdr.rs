//! `/openvidu/cdr`.

use testbed::rest::Request;
use testbed::server::TestServer;

#[tokio::test]
async fn event_files_are_listed_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let old = "CDR.2026-01-02_03-04-05.log";
    let lines = "{\"sessionCreated\":{}}\n".repeat(10_000);
    std::fs::write(folder.path().join(old), &lines).unwrap();
    std::fs::write(folder.path().join("secret.log"), "secret").unwrap();
    let server = TestServer::start_with(|config| {
        config.openvidu_cdr = true;
        config.openvidu_cdr_path = folder.path().to_owned();
    })
    .await;

    let names = server.get("/openvidu/cdr").await.json();
    assert_eq!(names.as_array().unwrap().len(), 2);
    assert_eq!(names[0], old);

    let file = server.get(&format!("/openvidu/cdr/{old}")).await;
    assert_eq!((file.status, file.header("content-type")), (200, Some("text/plain;charset=UTF-8")));
    assert_eq!(file.header("content-length"), Some(lines.len().to_string().as_str()));
    assert!(file.text() == lines);

    for path in ["CDR.2026-01-02_03-04-06.log", "secret.log", "..%2Fsecret.log", "%2Fetc%2Fpasswd", "x"] {
        assert_eq!(server.get(&format!("/openvidu/cdr/{path}")).await.status, 404, "{path}");
    }
    for path in ["/openvidu/cdr".to_owned(), format!("/openvidu/cdr/{old}")] {
        assert_eq!(server.send(Request::anonymous("GET", &path)).await.status, 401);
        assert_eq!(server.delete(&path).await.status, 405);
    }
}

#[tokio::test]
async fn without_a_folder_there_are_no_files() {
    let server = TestServer::start_with(|config| config.openvidu_cdr_path = "/nonexistent".into()).await;
    assert_eq!(server.get("/openvidu/cdr").await.json(), serde_json::json!([]));
}
