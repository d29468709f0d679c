//! Debian's nginx as an RTMP server that writes down what it gets, behind TLS too, and a line to it that can be held.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::authority::Signed;

const PATIENCE: Duration = Duration::from_secs(30);

/// A server with the application `live`. It ends when this is dropped.
pub(crate) struct RtmpServer {
    port: u16,
    /// If there is TLS in front of it.
    secure_port: Option<u16>,
    /// Of the configuration.
    in_front: String,
    folder: TempDir,
    child: Child,
}

impl Drop for RtmpServer {
    fn drop(&mut self) {
        self.kill();
    }
}

impl RtmpServer {
    pub(crate) fn start() -> Self {
        Self::start_with(None, |_, _| String::new())
    }

    /// RTMPS, with this certificate.
    pub(crate) fn start_secured(signed: &Signed) -> Self {
        let secure_port = free_port();
        Self::start_with(Some(secure_port), |folder, port| {
            let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
            fs::write(&certificate, &signed.certificate).unwrap();
            fs::write(&key, &signed.key).unwrap();
            format!(
                "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n\
                 stream {{ server {{ listen 127.0.0.1:{secure_port} ssl; ssl_certificate {}; ssl_certificate_key {};\n\
                 proxy_pass 127.0.0.1:{port}; }} }}\n",
                certificate.display(),
                key.display(),
            )
        })
    }

    fn start_with(secure_port: Option<u16>, in_front: impl FnOnce(&Path, u16) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let in_front = in_front(folder.path(), port);
        let child = nginx(&folder, port, &in_front);
        Self { port, secure_port, in_front, folder, child }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn secure_port(&self) -> u16 {
        self.secure_port.expect("it was started with a certificate")
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// After [`RtmpServer::kill`].
    pub(crate) fn restart(&mut self) {
        self.child = nginx(&self.folder, self.port, &self.in_front);
    }

    /// The same once nobody sends any more.
    pub(crate) fn whole_films(&self) -> Vec<PathBuf> {
        let open = format!("/proc/{}/fd", self.child.id());
        let is_film = |path: PathBuf| path.extension().is_some_and(|end| end == "flv");
        let is_open =
            || fs::read_dir(&open).unwrap().flatten().filter_map(|fd| fs::read_link(fd.path()).ok()).any(is_film);
        let begun = Instant::now();
        while is_open() {
            assert!(begun.elapsed() < PATIENCE, "somebody sends on");
            thread::sleep(Duration::from_millis(10));
        }
        self.films()
    }

    /// One for each connection that has sent something, in their order.
    pub(crate) fn films(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut films: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "flv")).collect();
        films.sort_by_key(|path| fs::metadata(path).unwrap().created().unwrap());
        films
    }
}

/// `in_front`: what else is in the configuration.
fn nginx(folder: &TempDir, port: u16, in_front: &str) -> Child {
    let home = folder.path().display();
    let file = folder.path().join("nginx.conf");
    // As root it would give that up for its workers.
    let configuration = format!(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\nuser root;\ndaemon off;\nmaster_process off;\n\
         {in_front}pid {home}/nginx.pid;\nerror_log {home}/error.log info;\nevents {{}}\n\
         rtmp {{ server {{ listen 127.0.0.1:{port};\n\
         application live {{ live on; record all; record_path {home}; record_unique on; }} }} }}\n"
    );
    fs::write(&file, configuration).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(folder.path()).arg("-c").arg(&file).arg("-e").arg(folder.path().join("error.log"));
    let mut child = command.spawn().expect("nginx is installed, with libnginx-mod-rtmp and libnginx-mod-stream");
    let begun = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(child.try_wait().unwrap().is_none() && begun.elapsed() < PATIENCE, "nginx does not start");
        thread::sleep(Duration::from_millis(10));
    }
    child
}

/// Nobody listens there for the moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A narrow line to a server, on which nothing moves while it is held.
pub(crate) struct Line {
    port: u16,
    held: Arc<AtomicBool>,
}

impl Line {
    pub(crate) fn to(server: u16) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // So that little is under way: what a sender keeps goes by the size of packets, which is large on this line.
        socket.set_recv_buffer_size(4096).unwrap();
        socket.set_tcp_mss(536).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        socket.listen(4).unwrap();
        let listener = TcpListener::from(socket);
        let port = listener.local_addr().unwrap().port();
        let held = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&held);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else { continue };
                let (near_too, far_too, stop) =
                    (near.try_clone().unwrap(), far.try_clone().unwrap(), Arc::clone(&stop));
                thread::spawn(move || carry(near, far, &stop));
                thread::spawn(move || carry(far_too, near_too, &AtomicBool::new(false)));
            }
        });
        Self { port, held }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, held: &AtomicBool) {
    let mut bytes = [0; 4096];
    loop {
        while held.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) if to.write_all(&bytes[..read]).is_ok() => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => break,
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
