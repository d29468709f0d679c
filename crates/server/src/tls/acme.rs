//! A certificate from an ACME authority (RFC 8555), such as Let's Encrypt: ordered, kept and renewed.
//!
//! The authority looks at the port itself (TLS-ALPN-01), or at the one for plain HTTP (HTTP-01) if that fails.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde::Deserialize;
use serde_json::{Value, json};

use super::acme_account::{Account, Error, Kept, Problem};
use super::acme_client::Client;
use super::challenges::Answer;
use super::pair::{self, Pair};
use super::{Challenges, Shown};
use crate::config::Config;

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
/// How often an authority is asked whether it is ready, and how long it is let alone meanwhile if it does not say itself:
/// twice as long each time.
const LOOKS: u32 = 30;
const FIRST_LOOK: Duration = Duration::from_millis(250);
const LONGEST_LOOK: Duration = Duration::from_secs(10);

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
enum Failure {
    #[error(transparent)]
    Acme(#[from] Error),
    /// What the authority saw.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    File(#[from] io::Error),
}

/// How an authority looks whether a name is ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
enum Kind {
    /// RFC 8737.
    #[serde(rename = "tls-alpn-01")]
    Tls,
    /// RFC 8555 §8.3.
    #[serde(rename = "http-01")]
    Http,
    /// Any other.
    #[serde(other)]
    Other,
}

/// RFC 8555 §7.1.6: what an order or an authorization has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ready,
    Valid,
    Invalid,
    /// Not decided yet, or not to be used.
    #[serde(other)]
    Other,
}

/// RFC 8555 §7.1.3.
#[derive(Deserialize)]
struct Order {
    status: Status,
    #[serde(default)]
    authorizations: Vec<String>,
    finalize: String,
    certificate: Option<String>,
    error: Option<Problem>,
}

/// RFC 8555 §7.1.4.
#[derive(Deserialize)]
struct Authorization {
    identifier: Identifier,
    status: Status,
    challenges: Vec<Challenge>,
}

#[derive(Deserialize)]
struct Identifier {
    value: String,
}

/// RFC 8555 §8.
#[derive(Deserialize)]
struct Challenge {
    #[serde(rename = "type")]
    kind: Kind,
    url: String,
    #[serde(default)]
    token: String,
    error: Option<Problem>,
}

impl Acme {
    pub(super) fn new(config: &Config) -> io::Result<Self> {
        let name = config.domain_or_public_ip.for_url().unwrap_or_default();
        let www = config.redirect_www.then(|| format!("www.{name}"));
        let root = Some(&config.madang_acme_root).filter(|path| !path.is_empty()).map(Path::new);
        Ok(Self {
            folder: config.madang_data_dir.clone(),
            directory: config.madang_acme_directory.clone(),
            email: config.letsencrypt_email.clone(),
            names: std::iter::once(name).chain(www).collect(),
            client: Client::new(root)?,
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
    pub(super) async fn keep(self, shown: &Shown, challenges: &Challenges) {
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
    async fn obtain(&self, shown: &Shown, challenges: &Challenges) -> Result<Pair, Failure> {
        let mut account = self.account().await?;
        let pair = match self.order(&mut account, challenges, Kind::Tls).await {
            Ok(pair) => pair,
            Err(Failure::Refused(error)) => {
                tracing::warn!(error, "the authority did not find us by TLS; trying plain HTTP");
                self.order(&mut account, challenges, Kind::Http).await?
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

    async fn account(&self) -> Result<Account, Failure> {
        let file = self.folder.join(ACCOUNT);
        let kept = pair::read(&file)?.and_then(|text| serde_json::from_str::<Kept>(&text).ok());
        if let Some(kept) = kept
            && let Some(account) = Account::restore(self.client.clone(), &self.directory, &kept).await?
        {
            return Ok(account);
        }
        let (account, kept) = Account::register(self.client.clone(), &self.directory, &self.email).await?;
        pair::write(&file, &serde_json::to_string(&kept).map_err(io::Error::other)?)?;
        Ok(account)
    }

    async fn order(&self, account: &mut Account, challenges: &Challenges, kind: Kind) -> Result<Pair, Failure> {
        let identifiers: Vec<_> = self.names.iter().map(|name| json!({ "type": "dns", "value": name })).collect();
        let new_order = account.new_order();
        let placed = account.post::<Order>(&new_order, Some(&json!({ "identifiers": identifiers }))).await?;
        let url = placed.location.ok_or(Error::Missing("Location"))?;
        let authorizations = placed.content.authorizations;
        // Held until the authority has looked.
        let mut answers = vec![];
        for authorization in &authorizations {
            answers.extend(invite(account, challenges, authorization, kind).await?);
        }
        let order = settled(account, &url, &[Status::Ready, Status::Valid]).await?;
        if order.status == Status::Invalid {
            return Err(why_not(account, &authorizations, order.error).await);
        }
        drop(answers);

        let key = KeyPair::generate().map_err(io::Error::other)?;
        let csr = self.request(&key).map_err(io::Error::other)?;
        account.post::<Value>(&order.finalize, Some(&json!({ "csr": BASE64.encode(csr) }))).await?;
        let order = settled(account, &url, &[Status::Valid]).await?;
        let Some(certificate) = order.certificate else {
            return Err(why_not(account, &authorizations, order.error).await);
        };
        let certificate = account.text(&certificate).await?;
        Ok(Pair { certificate, key: key.serialize_pem() })
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
    account: &mut Account,
    challenges: &'a Challenges,
    authorization: &str,
    kind: Kind,
) -> Result<Option<Answer<'a>>, Failure> {
    let authorization = account.post::<Authorization>(authorization, None).await?.content;
    if authorization.status == Status::Valid {
        return Ok(None);
    }
    let name = authorization.identifier.value;
    let Some(challenge) = authorization.challenges.iter().find(|challenge| challenge.kind == kind) else {
        return Err(Failure::Refused(format!("it does not offer to look for {name} that way")));
    };
    let text = account.key_authorization(&challenge.token);
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let answer = challenges.answer(&name, &challenge.token, text, digest.as_ref())?;
    account.post::<Value>(&challenge.url, Some(&json!({}))).await?;
    Ok(Some(answer))
}

/// The order once it is in one of the states `wanted`, or has failed.
async fn settled(account: &mut Account, url: &str, wanted: &[Status]) -> Result<Order, Failure> {
    let mut pause = FIRST_LOOK;
    for _ in 0..LOOKS {
        let reply = account.post::<Order>(url, None).await?;
        let order = reply.content;
        if wanted.contains(&order.status) || order.status == Status::Invalid {
            return Ok(order);
        }
        let told = reply.retry_after.map(Duration::from_secs);
        tokio::time::sleep(told.unwrap_or(pause).min(LONGEST_LOOK)).await;
        pause = (pause * 2).min(LONGEST_LOOK);
    }
    Err(Failure::Refused("it does not come to an end".to_owned()))
}

/// What the authority says it saw.
async fn why_not(account: &mut Account, authorizations: &[String], error: Option<Problem>) -> Failure {
    let mut problems = vec![];
    for url in authorizations {
        if let Ok(reply) = account.post::<Authorization>(url, None).await {
            let failed = reply.content.challenges.into_iter().filter_map(|challenge| challenge.error);
            problems.extend(failed.map(|problem| problem.to_string()));
        }
    }
    if problems.is_empty() {
        problems.extend(error.map(|problem| problem.to_string()));
    }
    Failure::Refused(problems.join("; "))
}
