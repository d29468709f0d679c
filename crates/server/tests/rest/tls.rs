//! The same port with TLS: what is answered depends on it.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{Client, HOST, Request, TestServer};

/// Like a user who accepts a self-signed certificate.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

async fn connect(server: &TestServer) -> Client {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    let stream = TcpStream::connect(server.server.address()).await.expect("the server listens");
    let name = ServerName::try_from("localhost").expect("a name");
    Client::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS"))
}

#[tokio::test]
async fn a_caller_who_used_tls_gets_tokens_and_urls_with_tls() {
    let server = TestServer::start().await;
    server.create_session("room").await;
    let mut client = connect(&server).await;
    let connection = client.send(Request::new("POST", "/sessions/room/connection").json("{}")).await.json();
    assert!(connection["token"].as_str().unwrap().starts_with(&format!("wss://{HOST}?sessionId=room&token=tok_")));
    let config = client.send(Request::new("GET", "/config")).await.json();
    assert_eq!(config["OPENVIDU_PUBLICURL"], format!("https://{HOST}"));
    let own = Request::new("GET", "/config").header("Origin", &format!("https://{HOST}"));
    assert_eq!(client.send(own).await.header("access-control-allow-origin"), None);
}
