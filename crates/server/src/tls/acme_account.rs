//! An account at an ACME authority (RFC 8555 §7.3) and the requests it signs (§6.2). What is asked for is not known here.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, Method};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::acme_client::{Answer, Client, Failure};

/// An authority may refuse a nonce at any time; the refusal carries the next one.
const NONCES: usize = 10;
const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There is no answer.
    #[error("{0}")]
    Connection(#[from] Failure),
    /// The authority says no.
    #[error("{0}")]
    Problem(#[from] Problem),
    /// The answer is none that the protocol has.
    #[error("the authority's answer is not understood: {0}")]
    Answer(#[from] serde_json::Error),
    /// Or it lacks something.
    #[error("the authority's answer has no {0}")]
    Missing(&'static str),
    /// The key cannot sign.
    #[error("the account's key cannot be used")]
    Key,
}

/// RFC 7807.
#[derive(Clone, Debug, Deserialize, thiserror::Error)]
#[error("{detail} ({kind})")]
pub(super) struct Problem {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    detail: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Directory {
    new_nonce: String,
    new_account: String,
    new_order: String,
}

/// How an account is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    /// Whose it is.
    directory: String,
    id: String,
    /// PKCS#8, Base64.
    key: String,
}

/// Signs requests.
pub(super) struct Account {
    client: Client,
    directory: Directory,
    key: Key,
    /// `None` until the authority has given one.
    id: Option<String>,
    nonce: Option<String>,
}

/// What an authority answered, understood.
pub(super) struct Reply<T> {
    pub(super) content: T,
    /// Of what was made.
    pub(super) location: Option<String>,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
}

impl Account {
    /// A new one, and how to keep it. Agrees to the authority's terms, as whoever sets its use does.
    pub(super) async fn register(client: Client, directory: &str, email: &str) -> Result<(Self, Kept), Error> {
        let key = Key::generate()?;
        let kept = Kept { directory: directory.to_owned(), id: String::new(), key: BASE64.encode(&key.pkcs8) };
        let mut account = Self::open(client, directory, key, None).await?;
        let request = json!({ "contact": [format!("mailto:{email}")], "termsOfServiceAgreed": true });
        let url = account.directory.new_account.clone();
        let id = account.post::<Value>(&url, Some(&request)).await?.location.ok_or(Error::Missing("Location"))?;
        account.id = Some(id.clone());
        Ok((account, Kept { id, ..kept }))
    }

    /// One that was kept; `None` if it is another authority's, or this one does not know it.
    pub(super) async fn restore(client: Client, directory: &str, kept: &Kept) -> Result<Option<Self>, Error> {
        let key = BASE64.decode(&kept.key).ok().and_then(|pkcs8| Key::read(pkcs8).ok());
        let Some(key) = key.filter(|_| kept.directory == directory) else { return Ok(None) };
        let mut account = Self::open(client, directory, key, Some(kept.id.clone())).await?;
        match account.post::<Value>(&kept.id, None).await {
            Ok(_) => Ok(Some(account)),
            Err(Error::Problem(problem)) => {
                tracing::warn!(%problem, "the kept account is not known any more");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn open(client: Client, directory: &str, key: Key, id: Option<String>) -> Result<Self, Error> {
        let answer = client.send(Method::GET, directory, String::new()).await?;
        let directory = serde_json::from_slice(&answer.body)?;
        Ok(Self { client, directory, key, id, nonce: None })
    }

    /// Where orders are placed.
    pub(super) fn new_order(&self) -> String {
        self.directory.new_order.clone()
    }

    /// What proves to the authority that the one who asks is the one who answers (RFC 8555 §8.1).
    pub(super) fn key_authorization(&self, token: &str) -> String {
        format!("{token}.{}", self.key.thumbprint())
    }

    /// A signed request; without a payload it asks for what is there (RFC 8555 §6.3).
    pub(super) async fn post<T: DeserializeOwned>(
        &mut self,
        url: &str,
        payload: Option<&Value>,
    ) -> Result<Reply<T>, Error> {
        let answer = self.answer(url, payload).await?;
        let header = |name| text(&answer.headers, name);
        Ok(Reply {
            location: header(LOCATION.as_str()),
            retry_after: header(RETRY_AFTER.as_str()).and_then(|seconds| seconds.parse().ok()),
            content: serde_json::from_slice(&answer.body)?,
        })
    }

    /// The same where the answer is a text.
    pub(super) async fn text(&mut self, url: &str) -> Result<String, Error> {
        let answer = self.answer(url, None).await?;
        String::from_utf8(answer.body.to_vec()).map_err(|_| Error::Missing("text"))
    }

    async fn answer(&mut self, url: &str, payload: Option<&Value>) -> Result<Answer, Error> {
        let mut last = None;
        for _ in 0..NONCES {
            let nonce = self.nonce().await?;
            let body = self.key.sign(self.id.as_deref(), &nonce, url, payload)?;
            let answer = self.client.send(Method::POST, url, body).await?;
            self.nonce = text(&answer.headers, "replay-nonce");
            if answer.status.is_success() {
                return Ok(answer);
            }
            let problem: Problem = serde_json::from_slice(&answer.body)?;
            if problem.kind != BAD_NONCE {
                return Err(problem.into());
            }
            last = Some(problem);
        }
        Err(last.map_or(Error::Missing("nonce"), Error::Problem))
    }

    async fn nonce(&mut self) -> Result<String, Error> {
        if let Some(nonce) = self.nonce.take() {
            return Ok(nonce);
        }
        let answer = self.client.send(Method::HEAD, &self.directory.new_nonce, String::new()).await?;
        text(&answer.headers, "replay-nonce").ok_or(Error::Missing("Replay-Nonce"))
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// ECDSA on P-256, which every authority takes.
struct Key {
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
}

impl Key {
    fn generate() -> Result<Self, Error> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Self::read(document.map_err(|_| Error::Key)?.as_ref().to_vec())
    }

    fn read(pkcs8: Vec<u8>) -> Result<Self, Error> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).map_err(|_| Error::Key)?;
        Ok(Self { pair, pkcs8 })
    }

    /// The public key (RFC 7517), its members in the order that its thumbprint needs.
    fn public(&self) -> Value {
        // An uncompressed point: 4, x, y (SEC 1 §2.3.3).
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        json!({ "crv": "P-256", "kty": "EC", "x": BASE64.encode(x), "y": BASE64.encode(y) })
    }

    /// RFC 7638.
    fn thumbprint(&self) -> String {
        BASE64.encode(digest::digest(&digest::SHA256, self.public().to_string().as_bytes()))
    }

    /// A JWS (RFC 7515 §7.2.2), by the account if it has an id yet.
    fn sign(&self, id: Option<&str>, nonce: &str, url: &str, payload: Option<&Value>) -> Result<String, Error> {
        let mut protected = json!({ "alg": "ES256", "nonce": nonce, "url": url });
        match id {
            Some(id) => protected["kid"] = id.into(),
            None => protected["jwk"] = self.public(),
        }
        let protected = BASE64.encode(protected.to_string());
        let payload = payload.map(|payload| BASE64.encode(payload.to_string())).unwrap_or_default();
        let signed = format!("{protected}.{payload}");
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| Error::Key)?;
        let signature = BASE64.encode(signature);
        Ok(json!({ "protected": protected, "payload": payload, "signature": signature }).to_string())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_signed_request_can_be_verified_and_says_by_whom_it_is() {
        let key = Key::generate().unwrap();
        let url = "https://authority.example/order";
        for (id, by) in [(None, "jwk"), (Some("https://authority.example/account/1"), "kid")] {
            let body: Value = serde_json::from_str(&key.sign(id, "n", url, Some(&json!({"a": 1}))).unwrap()).unwrap();
            let part = |name: &str| body[name].as_str().unwrap().to_owned();
            let signature = BASE64.decode(part("signature")).unwrap();
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.pair.public_key().as_ref());
            let signed = format!("{}.{}", part("protected"), part("payload"));
            public.verify(signed.as_bytes(), &signature).unwrap();
            let protected: Value = serde_json::from_slice(&BASE64.decode(part("protected")).unwrap()).unwrap();
            assert!(protected["url"] == url && protected["nonce"] == "n" && protected.get(by).is_some(), "{protected}");
        }
    }

    #[test]
    fn a_key_is_the_same_after_it_was_kept() {
        let key = Key::generate().unwrap();
        assert_eq!(Key::read(key.pkcs8.clone()).unwrap().thumbprint(), key.thumbprint());
        assert!(Key::read(vec![1, 2, 3]).is_err());
    }
}
