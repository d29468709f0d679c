//! An S3 server in this process: it checks signatures, keeps objects in a folder, and can be made to fall silent.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::sync::Notify;

const KEY: &str = "AKIAMADANG";
const SECRET: &str = "a/secret+of 40 characters";

pub struct S3Service {
    address: SocketAddr,
    state: Arc<State>,
}

/// Where the service is and what it asks for. Its paths begin with the bucket's name.
#[derive(Clone, Debug)]
pub struct S3Account {
    pub bucket: &'static str,
    pub endpoint: String,
    pub region: &'static str,
    pub key: &'static str,
    pub secret: &'static str,
}

#[derive(Default)]
struct State {
    /// Method, path and query.
    requests: Mutex<Vec<String>>,
    /// Requests with this in them are not answered.
    silent_for: Mutex<Option<String>>,
    silent: Notify,
}

impl S3Service {
    /// With a bucket `recordings` in it.
    pub async fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder.join("recordings")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let state = Arc::<State>::default();
        tokio::spawn(accept(listener, service.build(), state.clone()));
        Self { address, state }
    }

    pub fn account(&self) -> S3Account {
        S3Account {
            bucket: "recordings",
            endpoint: format!("http://{}", self.address),
            region: "us-east-1",
            key: KEY,
            secret: SECRET,
        }
    }

    /// How many requests had this in method, path and query.
    pub fn count(&self, words: &str) -> usize {
        self.state.requests.lock().unwrap().iter().filter(|request| request.contains(words)).count()
    }

    pub fn be_silent_for(&self, words: Option<&str>) {
        *self.state.silent_for.lock().unwrap() = words.map(str::to_owned);
    }

    /// Waits for a request that is not answered.
    pub async fn fell_silent(&self) {
        self.state.silent.notified().await;
    }
}

async fn accept(listener: TcpListener, service: s3s::service::S3Service, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (service, state) = (service.clone(), state.clone());
        let answer = tower::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (service, state) = (service.clone(), state.clone());
            async move {
                let words = format!("{} {}", request.method(), request.uri());
                state.requests.lock().unwrap().push(words.clone());
                let is_silent = state.silent_for.lock().unwrap().as_ref().is_some_and(|silent| words.contains(silent));
                if is_silent {
                    state.silent.notify_one();
                    std::future::pending::<()>().await;
                }
                service.call(request.map(s3s::Body::from)).await
            }
        });
        tokio::spawn(async move {
            let serving = Builder::new(TokioExecutor::new());
            let _ = serving.serve_connection(TokioIo::new(stream), TowerToHyperService::new(answer)).await;
        });
    }
}
