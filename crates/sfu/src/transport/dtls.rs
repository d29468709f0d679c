//! One certificate and one validated DTLS configuration per process. The engine's own provider builds a configuration,
//! and with it runs the self-test of the whole crypto library, for every connection: 1 to 4 ms each, in a protocol with
//! one connection per stream.
//!
//! Who has an RSA certificate, or one on P-521, is served, too, which the library does not do by itself: see
//! `certificate_request` and `signatures`. It is asked for only where the client is the DTLS client, which is the rule;
//! a client that insists on being the server must have an ECDSA certificate.
//!
//! The SRTP profile is *not* chosen here: the library's order (AES-256-GCM, AES-128-GCM, AES-CM with SHA-1) is fixed in
//! its source.

mod certificate_request;
mod signatures;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use dimpl::{Config, Dtls};
use str0m_proto::crypto::dtls::{DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion};
use str0m_proto::crypto::{CryptoError, CryptoProvider, DtlsVersion};

use signatures::{Asker, Signatures, Transcripts};

/// Size of a DTLS datagram: below every path MTU in use.
const MTU: usize = 1150;

/// Certificate and crypto of every transport.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certificate: DtlsCert,
    pub(super) crypto: Arc<CryptoProvider>,
    /// `sha-256 AA:BB…`.
    pub(super) fingerprint: Arc<str>,
}

impl Identity {
    /// The one of this process.
    pub(super) fn of_process() -> Self {
        static IDENTITY: OnceLock<Identity> = OnceLock::new();
        IDENTITY.get_or_init(Self::generate).clone()
    }

    fn generate() -> Self {
        static PROVIDER: SharedConfig = SharedConfig;
        let crypto = CryptoProvider { dtls_provider: &PROVIDER, ..str0m_aws_lc_rs::default_provider() };
        // Fails only without entropy, where nothing else could be secured either.
        let certificate = PROVIDER.generate_certificate().expect("the crypto library makes a P-256 certificate");
        // Validated now, so that the first client does not wait for it. A failure shows again with the first transport.
        for asker in [Asker::Us, Asker::Library] {
            if let Err(error) = SharedConfig::config(asker) {
                tracing::error!(%error, "DTLS is not usable");
            }
        }
        let digest = crypto.sha256_provider.sha256(&certificate.certificate);
        let hex: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        let fingerprint = format!("sha-256 {}", hex.join(":")).into();
        Self { certificate, crypto: Arc::new(crypto), fingerprint }
    }
}

#[derive(Debug)]
struct SharedConfig;

impl SharedConfig {
    fn config(asker: Asker) -> Result<Arc<Config>, CryptoError> {
        static ASKING: OnceLock<Arc<Config>> = OnceLock::new();
        static ASKED: OnceLock<Arc<Config>> = OnceLock::new();
        let config = match asker {
            Asker::Us => &ASKING,
            Asker::Library => &ASKED,
        };
        if let Some(config) = config.get() {
            return Ok(Arc::clone(config));
        }
        // ICE has shown already that the client is where it says it is.
        let built = Config::builder()
            .with_crypto_provider(crypto(asker))
            .use_server_cookie(false)
            .mtu(MTU)
            .build()
            .map_err(|error| CryptoError::Other(format!("DTLS configuration: {error}")))?;
        Ok(Arc::clone(config.get_or_init(|| Arc::new(built))))
    }
}

fn crypto(asker: Asker) -> dimpl::crypto::CryptoProvider {
    static ASKING: Signatures = Signatures(Asker::Us);
    static ASKED: Signatures = Signatures(Asker::Library);
    static TRANSCRIPTS: OnceLock<Transcripts> = OnceLock::new();
    let library = str0m_aws_lc_rs::dimpl_crypto_provider();
    match asker {
        Asker::Us => {
            let hash_provider = TRANSCRIPTS.get_or_init(|| Transcripts(library.hash_provider));
            dimpl::crypto::CryptoProvider { signature_verification: &ASKING, hash_provider, ..library }
        }
        Asker::Library => dimpl::crypto::CryptoProvider { signature_verification: &ASKED, ..library },
    }
}

impl DtlsProvider for SharedConfig {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        dimpl::certificate::generate_self_signed_certificate().ok()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        // Browsers speak 1.2 everywhere; 1.3 is behind flags.
        let dtls = Dtls::new_12(Self::config(Asker::Us)?, certificate.clone(), now);
        Ok(Box::new(Instance { dtls, certificate: certificate.clone(), created: now, handshake: Asker::Us }))
    }
}

/// One connection. Whether it is the DTLS server is known only after it was made.
struct Instance {
    dtls: Dtls,
    certificate: DtlsCert,
    created: Instant,
    /// Who asks in what is left of the handshake.
    handshake: Asker,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dtls")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        if active && self.handshake == Asker::Us {
            match SharedConfig::config(Asker::Library) {
                Ok(config) => self.dtls = Dtls::new_12(config, self.certificate.clone(), self.created),
                Err(error) => tracing::error!(%error, "DTLS is not usable"),
            }
            self.handshake = Asker::Library;
        }
        self.dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        if self.handshake == Asker::Library {
            return self.dtls.poll_output(buffer);
        }
        let mut written = vec![0; buffer.len()];
        match self.dtls.poll_output(&mut written) {
            DtlsOutput::Packet(packet) => {
                // Ours are made far below the size of any buffer.
                let longer = certificate_request::in_datagram(packet);
                let packet = if longer.len() <= buffer.len() { longer } else { Cow::Borrowed(packet) };
                DtlsOutput::Packet(copied(&packet, buffer))
            }
            DtlsOutput::PeerCert(certificate) => DtlsOutput::PeerCert(copied(certificate, buffer)),
            DtlsOutput::ApplicationData(data) => DtlsOutput::ApplicationData(copied(data, buffer)),
            DtlsOutput::Connected => {
                self.handshake = Asker::Library;
                DtlsOutput::Connected
            }
            DtlsOutput::BufferTooSmall { needed } => DtlsOutput::BufferTooSmall { needed },
            DtlsOutput::Timeout(at) => DtlsOutput::Timeout(at),
            DtlsOutput::KeyingMaterial(material, profile) => DtlsOutput::KeyingMaterial(material, profile),
            DtlsOutput::CloseNotify => DtlsOutput::CloseNotify,
            // What a newer library tells is for whoever knows it.
            _ => self.poll_output(buffer),
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.dtls.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.dtls.close()
    }
}

fn copied<'a>(bytes: &[u8], buffer: &'a mut [u8]) -> &'a [u8] {
    let copy = &mut buffer[..bytes.len()];
    copy.copy_from_slice(bytes);
    copy
}
