//! `/restart` of a server that is part of another program. With the real one: the tests of the crate `madang`.

use testbed::server::TestServer;

const RESTART: &str = "/openvidu/api/restart";

#[tokio::test]
async fn a_server_inside_another_program_leaves_it_to_that() {
    let server = TestServer::start().await;
    let answer = server.post(RESTART, "{}").await;
    assert!(answer.status == 501 && answer.is_described(), "{answer:?}");
}
