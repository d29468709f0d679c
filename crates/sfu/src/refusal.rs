//! Connectivity checks for transports that are gone: closed here, or lost with everything else when the media worker started anew.
//! A client that gets no answer asks on for seconds before it believes that its path is lost; one that is refused knows
//! it at once, and makes a new peer connection while its session goes on.
//!
//! A check is refused only if it is signed with the password of the transport that it names, and that is not there any more:
//! strangers get no answer, and nobody can make a client lose a transport that is alive. Passwords therefore follow from
//! the user name by a secret of the process: there is nothing to be remembered of what is gone.

use std::fmt;

use aws_lc_rs::hmac;
use stun::{Key, Message, MessageWriter, attribute, kind};

/// Bytes of a password's 128 bits (RFC 8839 §5.4 wants 128) as hexadecimal digits.
const PASSWORD_BYTES: usize = 16;
/// Bad Request. To Chromium any code but 401, 420 and 500 ends the path; RFC 8489 §9.1.3 has 401 for this, upon which
/// it tries again.
const CODE: u16 = 400;

/// What passwords of ICE are derived from: one for all that has the same port.
#[derive(Clone)]
pub struct IceSecret(hmac::Key);

impl IceSecret {
    /// Of what nobody may guess.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &secret))
    }

    /// The password of the transport with this user name fragment.
    pub(crate) fn password(&self, ufrag: &str) -> String {
        let tag = hmac::sign(&self.0, ufrag.as_bytes());
        tag.as_ref().iter().take(PASSWORD_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The answer to a check for a transport that is not there, if one ever was.
    pub(crate) fn refuse(&self, check: &[u8]) -> Option<Vec<u8>> {
        let message = Message::parse(check)?;
        let username = std::str::from_utf8(message.attribute(attribute::USERNAME)?).ok()?;
        let (ufrag, _) = username.split_once(':')?;
        let key = Key::short_term(&self.password(ufrag));
        let signature = message.attributes().find(|found| found.kind == attribute::MESSAGE_INTEGRITY)?;
        if !message.is_signed(&signature, &key) {
            return None;
        }
        let refusal = MessageWriter::new(kind::BINDING | kind::ERROR, message.transaction);
        Some(refusal.error_code(CODE).sign(&key).finish(true))
    }
}

impl fmt::Debug for IceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IceSecret(*)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(username: &str, password: &str) -> Vec<u8> {
        let message = MessageWriter::new(kind::BINDING, *b"transaction!");
        message.attribute(attribute::USERNAME, username.as_bytes()).sign(&Key::short_term(password)).finish(true)
    }

    #[test]
    fn only_who_knew_the_password_is_refused() {
        let secret = IceSecret::new([7; 32]);
        let password = secret.password("0000000000000000aaaa");
        assert_eq!(password.len(), 32);
        assert_ne!(password, secret.password("0000000000000000aaab"));
        let refusal = secret.refuse(&check("0000000000000000aaaa:theirs", &password)).unwrap();
        let message = Message::parse(&refusal).unwrap();
        assert_eq!((message.kind, message.transaction), (kind::BINDING | kind::ERROR, *b"transaction!"));
        assert_eq!(message.attribute(attribute::ERROR_CODE), Some([0, 0, 4, 0].as_slice()));
        let signature = message.attributes().find(|found| found.kind == attribute::MESSAGE_INTEGRITY).unwrap();
        assert!(message.is_signed(&signature, &Key::short_term(&password)));

        assert_eq!(secret.refuse(&check("0000000000000000aaaa:theirs", "guessed")), None);
        assert_eq!(secret.refuse(&check("no colon", &secret.password("no colon"))), None);
        let unsigned = MessageWriter::new(kind::BINDING, *b"transaction!");
        let unsigned = unsigned.attribute(attribute::USERNAME, b"0000000000000000aaaa:theirs").finish(true);
        assert_eq!(secret.refuse(&unsigned), None);
        assert_eq!(IceSecret::new([8; 32]).refuse(&check("0000000000000000aaaa:theirs", &password)), None);
    }
}
