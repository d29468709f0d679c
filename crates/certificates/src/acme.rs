//! A certificate from an ACME authority (RFC 8555), such as Let's Encrypt: ordered, kept and renewed.
//!
//! The authority looks at the port itself (TLS-ALPN-01), or at the one for plain HTTP (HTTP-01) if that fails.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use instant_acme::{
    Account, AccountCredentials, AuthorizationHandle, AuthorizationStatus, ChallengeType, Error, Identifier,
    NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde::{Deserialize, Serialize};

use super::acme_client::Client;
use super::challenges::ChallengeAnswer;
use super::pair::{self, Pair};
use super::{AcmeOptions, Challenges, Options, ServedCertificate};

const ACCOUNT: &str = "acme-account.json";
const CERTIFICATE: &str = "acme-certificate.pem";
const KEY: &str = "acme-certificate.key.pem";
/// Subject names, one a line, below the authority's address: tells whether the certificate still fits the settings.
const NAMES: &str = "acme-certificate.names";

/// After a failure, doubled with each further one: Let's Encrypt blocks a name for an hour after five failures, of which each
/// try makes two.
const FIRST_PAUSE: Duration = Duration::from_secs(20 * 60);
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 60 * 60);
/// The clock of the machine may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(60 * 60);
/// How often an authority is asked whether it is ready, if it does not say itself: twice as long between them each time.
const LOOKS: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(4 * 60));
/// The account is unknown (RFC 8555 §6.7).
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// What is wanted of whom.
pub(super) struct Acme {
    folder: PathBuf,
    directory: String,
    email: String,
    /// The public one first.
    names: Vec<String>,
    client: Client,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
enum AcmeFailure {
    #[error(transparent)]
    Acme(#[from] Error),
    /// What the authority saw.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    File(#[from] io::Error),
}

/// How an account is kept.
#[derive(Serialize, Deserialize)]
struct KeptAccount {
    /// Whose it is.
    directory: String,
    credentials: AccountCredentials,
}

impl Acme {
    pub(super) fn new(options: &Options, authority: &AcmeOptions) -> io::Result<Self> {
        let name = options.public_host.clone().unwrap_or_default();
        let www = authority.www.then(|| format!("www.{name}"));
        Ok(Self {
            folder: options.folder.clone(),
            directory: authority.directory.clone(),
            email: authority.email.clone(),
            names: std::iter::once(name).chain(www).collect(),
            client: Client::new(authority.root.as_deref())?,
        })
    }

    /// The kept certificate, if it can be used and fits.
    pub(super) fn kept(&self) -> Option<Pair> {
        let names = pair::read(&self.folder.join(NAMES)).ok()??;
        let pair = Pair::read(&self.folder.join(CERTIFICATE), &self.folder.join(KEY)).ok()??;
        let valid =
            pair.certified().is_ok() && pair.validity().is_ok_and(|validity| SystemTime::now() < validity.until);
        (valid && names == self.summary()).then_some(pair)
    }

    fn keep_pair(&self, pair: &Pair) -> io::Result<()> {
        pair::write(&self.folder.join(KEY), &pair.key)?;
        pair::write(&self.folder.join(CERTIFICATE), &pair.certificate)?;
        // Last: without it the others do not count.
        pair::write(&self.folder.join(NAMES), &self.summary())
    }

    fn summary(&self) -> String {
        format!("{}\n{}\n", self.directory, self.names.join("\n"))
    }

    /// Renews it in time, for ever.
    pub(super) async fn keep(self, shown: &ServedCertificate, challenges: &Challenges) {
        let mut current = self.kept();
        let mut pause = FIRST_PAUSE;
        loop {
            let renewal = current.as_ref().and_then(|pair| Some(pair.validity().ok()?.renewal()));
            if let Some(early) = renewal.and_then(|renewal| renewal.duration_since(SystemTime::now()).ok()) {
                tokio::time::sleep(early.min(LONGEST_SLEEP)).await;
                continue;
            }
            match self.obtain(shown, challenges).await {
                Ok(pair) => {
                    current = Some(pair);
                    pause = FIRST_PAUSE;
                }
                Err(error) => {
                    let names = &self.names;
                    tracing::error!(?names, %error, ?pause, "no certificate from the authority; trying again later");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// A new one, shown and kept.
    async fn obtain(&self, shown: &ServedCertificate, challenges: &Challenges) -> Result<Pair, AcmeFailure> {
        let pair = match self.order(challenges, ChallengeType::TlsAlpn01).await {
            Ok(pair) => pair,
            Err(AcmeFailure::Refused(error)) => {
                tracing::warn!(error, "the authority did not find us by TLS; trying plain HTTP");
                self.order(challenges, ChallengeType::Http01).await?
            }
            Err(error) => return Err(error),
        };
        shown.replace(pair.certified()?);
        // Before anybody hears of it and stops the server.
        if let Err(error) = self.keep_pair(&pair) {
            tracing::error!(folder = %self.folder.display(), %error, "the certificate cannot be kept");
        }
        tracing::info!(names = ?self.names, "a new certificate of the authority is in use");
        Ok(pair)
    }

    /// By the kept account, or by a new one if there is none with this authority.
    async fn place_order(&self) -> Result<Order, AcmeFailure> {
        let names: Vec<_> = self.names.iter().map(|name| Identifier::Dns(name.clone())).collect();
        let order = NewOrder::new(&names);
        let kept =
            pair::read(&self.folder.join(ACCOUNT))?.and_then(|text| serde_json::from_str::<KeptAccount>(&text).ok());
        if let Some(KeptAccount { credentials, .. }) = kept.filter(|kept| kept.directory == self.directory) {
            let builder = Account::builder_with_http(Box::new(self.client.clone()));
            match builder.from_credentials(credentials).await?.new_order(&order).await {
                Err(Error::Api(problem)) if problem.r#type.as_deref() == Some(NO_ACCOUNT) => {
                    tracing::warn!(%problem, "the kept account is not known any more");
                }
                placed => return Ok(placed?),
            }
        }
        Ok(self.register().await?.new_order(&order).await?)
    }

    /// Agrees to the authority's terms, as whoever sets its use does.
    async fn register(&self) -> Result<Account, AcmeFailure> {
        let contact = format!("mailto:{}", self.email);
        let new = NewAccount { contact: &[&contact], terms_of_service_agreed: true, only_return_existing: false };
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let (account, credentials) = builder.create(&new, self.directory.clone(), None).await?;
        let kept = KeptAccount { directory: self.directory.clone(), credentials };
        pair::write(&self.folder.join(ACCOUNT), &serde_json::to_string(&kept).map_err(io::Error::other)?)?;
        Ok(account)
    }

    async fn order(&self, challenges: &Challenges, kind: ChallengeType) -> Result<Pair, AcmeFailure> {
        let mut order = self.place_order().await?;
        // Held until the authority has looked.
        let mut answers = vec![];
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            answers.extend(invite(authorization?, challenges, kind.clone()).await?);
        }
        match order.poll_ready(&LOOKS).await {
            Ok(OrderStatus::Ready) => {}
            other => return Err(why_not(&mut order, other.err()).await),
        }
        drop(answers);

        let key = KeyPair::generate().map_err(io::Error::other)?;
        let csr = self.request(&key).map_err(io::Error::other)?;
        order.finalize_csr(&csr).await?;
        match order.poll_certificate(&LOOKS).await {
            Ok(certificate) => Ok(Pair { certificate, key: key.serialize_pem() }),
            Err(error) => Err(why_not(&mut order, Some(error)).await),
        }
    }

    /// DER of a request for the names (RFC 2986).
    fn request(&self, key: &KeyPair) -> Result<Vec<u8>, rcgen::Error> {
        let mut params = CertificateParams::new(&self.names[..])?;
        params.distinguished_name = DistinguishedName::new();
        Ok(params.serialize_request(key)?.der().to_vec())
    }
}

/// Lets the authority look, unless it knows already that the name is ours.
async fn invite<'a>(
    mut authorization: AuthorizationHandle<'_>,
    challenges: &'a Challenges,
    kind: ChallengeType,
) -> Result<Option<ChallengeAnswer<'a>>, AcmeFailure> {
    if authorization.status == AuthorizationStatus::Valid {
        return Ok(None);
    }
    let name = authorization.identifier().to_string();
    let Some(mut challenge) = authorization.challenge(kind) else {
        return Err(AcmeFailure::Refused(format!("it does not offer to look for {name} that way")));
    };
    let proof = challenge.key_authorization();
    let answer = challenges.answer(&name, &challenge.token, proof.as_str().to_owned(), proof.digest().as_ref())?;
    match challenge.set_ready().await {
        // It has looked already.
        Err(Error::Api(problem)) => Err(AcmeFailure::Refused(problem.to_string())),
        invited => Ok(invited.map(|()| Some(answer))?),
    }
}

/// What the authority says it saw, if the order failed by that.
async fn why_not(order: &mut Order, error: Option<Error>) -> AcmeFailure {
    match error {
        Some(error) if order.state().status != OrderStatus::Invalid => return error.into(),
        _ => {}
    }
    let mut problems = vec![];
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Ok(state) = authorization.refresh().await {
            let seen = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
            problems.extend(seen.map(ToString::to_string));
        }
    }
    if problems.is_empty() {
        problems.extend(error.map(|error| error.to_string()));
    }
    AcmeFailure::Refused(problems.join("; "))
}
