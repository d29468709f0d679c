//! Addresses that Amazon's services take as signed: version 4 of their signatures, in the query (*presigned*).

use std::fmt::{Display, Write as _};
use std::time::SystemTime;

use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Seconds; as many as may be.
const VALID: u32 = 300;

/// Who signs what for.
pub(super) struct Signer<'a> {
    pub(super) access_key: &'a str,
    pub(super) secret_key: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl Signer<'_> {
    /// The query of a `GET` of `path`, with its signature. The names in `parameters` are small letters, in their order.
    pub(super) fn query(&self, host: &str, path: &str, parameters: &[(&str, &str)], now: SystemTime) -> String {
        let time = basic(now);
        let date = &time[..8];
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let mut query = format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={time}&X-Amz-Expires={VALID}&X-Amz-SignedHeaders=host",
            encoded(&format!("{}/{scope}", self.access_key))
        );
        for (name, value) in parameters {
            let _ = write!(query, "&{name}={}", encoded(value));
        }
        let request = format!("GET\n{path}\n{query}\nhost:{host}\n\nhost\n{}", hash(b""));
        let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hash(request.as_bytes()));
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for part in [date, self.region, self.service, "aws4_request"] {
            key = sign(&key, part);
        }
        let _ = write!(query, "&X-Amz-Signature={}", hex(&sign(&key, &to_sign)));
        query
    }
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// All but what RFC 3986 §2.3 calls unreserved.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(super) fn encoded(text: &str) -> impl Display {
    utf8_percent_encode(text, &RESERVED)
}

/// The basic format of ISO 8601, in UTC: `20260131T235959Z`.
fn basic(time: SystemTime) -> String {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// By the steps of Amazon's documentation, in Python.
    #[test]
    fn a_signature_is_as_documented() {
        let signer = Signer {
            access_key: "AKIDEXAMPLE",
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
            service: "transcribe",
        };
        let parameters = [("language-code", "en-US"), ("media-encoding", "pcm"), ("sample-rate", "16000")];
        let host = "transcribestreaming.us-east-1.amazonaws.com:8443";
        let query = signer.query(host, "/stream-transcription-websocket", &parameters, at(1_440_938_160));
        assert_eq!(query, EXPECTED);
    }

    const EXPECTED: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Ftranscribe%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&language-code=en-US&media-encoding=pcm&sample-rate=16000&X-Amz-Signature=0db9203a3b2901dd66d2a9542671dc1760207b2de6fb4c8ff9eec222bd938539";
}
