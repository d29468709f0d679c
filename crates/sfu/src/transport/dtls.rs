//! One certificate and one validated DTLS configuration per process. The engine's own provider builds a configuration,
//! and with it runs the self-test of the whole crypto library, for every connection: 1 to 4 ms each, in a protocol with
//! one connection per stream.
//!
//! The SRTP profile is *not* chosen here: the library's order (AES-256-GCM, AES-128-GCM, AES-CM with SHA-1) is fixed in
//! its source.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use dimpl::{Config, Dtls};
use str0m_proto::crypto::dtls::{DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion};
use str0m_proto::crypto::{CryptoError, CryptoProvider, DtlsVersion};

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
        if let Err(error) = SharedConfig::config() {
            tracing::error!(%error, "DTLS is not usable");
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
    fn config() -> Result<Arc<Config>, CryptoError> {
        static CONFIG: OnceLock<Arc<Config>> = OnceLock::new();
        if let Some(config) = CONFIG.get() {
            return Ok(Arc::clone(config));
        }
        // ICE has shown already that the client is where it says it is.
        let config = Config::builder()
            .with_crypto_provider(str0m_aws_lc_rs::dimpl_crypto_provider())
            .use_server_cookie(false)
            .mtu(MTU)
            .build()
            .map_err(|error| CryptoError::Other(format!("DTLS configuration: {error}")))?;
        Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
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
        Ok(Box::new(Instance(Dtls::new_12(Self::config()?, certificate.clone(), now))))
    }
}

struct Instance(Dtls);

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dtls")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buffer)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
