//! The port that sends browsers on to HTTPS.

use testbed::rest::{Request, RestAnswer, RestClient};
use testbed::server::TestServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn ask(server: &TestServer, request: Request) -> RestAnswer {
    let address = server.server.redirecting_address().expect("a port that redirects");
    RestClient::to(address).await.ask(request).await
}

#[tokio::test]
async fn everything_is_sent_on_to_https_at_the_host_that_was_asked() {
    let server = TestServer::start_with(|config| config.http_port = Some(0)).await;
    let port = server.server.address().port();
    for (host, path, location) in [
        ("call.example.org", "/", format!("https://call.example.org:{port}/")),
        ("call.example.org:80", "/a%20b?c=d&e", format!("https://call.example.org:{port}/a%20b?c=d&e")),
        ("[2001:db8::1]:8080", "/openvidu/api", format!("https://[2001:db8::1]:{port}/openvidu/api")),
        ("evil/@x", "//other.example.org", format!("https://localhost:{port}//other.example.org")),
    ] {
        let answer = ask(&server, Request::raw("GET", path).header("Host", host)).await;
        assert_eq!((answer.status, answer.header("location")), (301, Some(location.as_str())), "{host}");
    }
    let answer = ask(&server, Request::new("POST", "/sessions").json("{}")).await;
    assert_eq!(answer.status, 308, "a POST stays a POST");
}

#[tokio::test]
async fn it_speaks_plain_http_and_nothing_else() {
    let server = TestServer::start_with(|config| config.http_port = Some(0)).await;
    let address = server.server.redirecting_address().unwrap();
    let question = [b"\x00\x01\x00\x00\x21\x12\xa4\x42".as_slice(), &[7; 12]].concat();
    let framed = [&[0, 20], &question[..]].concat();
    for opening in [&[0x16, 3, 1][..], &framed, &question] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(opening).await.unwrap();
        // Closed with bytes unread, which the kernel may tell as a reset.
        let mut answer = vec![];
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn there_is_no_such_port_unless_one_is_set() {
    let server = TestServer::start().await;
    assert_eq!(server.server.redirecting_address(), None);
}
