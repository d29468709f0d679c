//! Whether a client has signed with the key of the certificate that it shows: ECDSA on P-256, P-384 and P-521, and RSA of
//! 2048 to 8192 bits. Whether it is the certificate that was announced is *not* asked here: that is the fingerprint's.

use std::borrow::Cow;

use aws_lc_rs::signature::{self as algorithm, UnparsedPublicKey, VerificationAlgorithm};
use dimpl::CryptoError;
use dimpl::crypto::{Buf, HashAlgorithm, HashContext, HashProvider, NamedGroup, SignatureAlgorithm, SignatureVerifier};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::oid::ObjectIdentifier;

use super::certificate_request;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// `SignatureScheme`s of TLS 1.3 in a handshake of 1.2 (RFC 8446 §4.2.3): what used to be the hash says only that.
const INTRINSIC: HashAlgorithm = HashAlgorithm::from_u8(8);
const RSA_PSS_RSAE_SHA256: SignatureAlgorithm = SignatureAlgorithm::from_u8(4);

/// Of whom the other side is asked for a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asker {
    /// The library, where the other side is the DTLS server: it is not asked at all.
    Library,
    /// We, with a message of our own.
    Us,
}

impl Asker {
    /// The transcript of a handshake, as both sides have it.
    fn transcript(self, transcript: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Library => Cow::Borrowed(transcript),
            Self::Us => certificate_request::in_messages(transcript),
        }
    }
}

/// The kinds of keys that there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    P256,
    P384,
    P521,
    Rsa,
}

#[derive(Debug)]
pub(super) struct Signatures(pub(super) Asker);

impl SignatureVerifier for Signatures {
    fn verify_signature(
        &self,
        certificate: &[u8],
        data: &[u8],
        signature: &[u8],
        hash: HashAlgorithm,
        algorithm: SignatureAlgorithm,
    ) -> Result<(), CryptoError> {
        let certificate = Certificate::from_der(certificate).map_err(|_| CryptoError::CertificateParseFailed)?;
        let info = certificate.tbs_certificate().subject_public_key_info();
        let key = match info.algorithm.oid {
            RSA_ENCRYPTION => Key::Rsa,
            EC_PUBLIC_KEY => {
                let curve = info.algorithm.parameters.as_ref().ok_or(CryptoError::MissingEcCurveParameter)?;
                match curve.decode_as().map_err(|_| CryptoError::InvalidEcCurveParameter)? {
                    P256 => Key::P256,
                    P384 => Key::P384,
                    P521 => Key::P521,
                    _ => return Err(CryptoError::UnsupportedEcCurve),
                }
            }
            _ => return Err(CryptoError::UnsupportedPublicKeyAlgorithm),
        };
        let verification = verification(key, algorithm, hash)
            .ok_or(CryptoError::UnsupportedSignaturePair { signature: algorithm, hash })?;
        let public_key = info.subject_public_key.as_bytes().ok_or(CryptoError::InvalidSubjectPublicKey)?;
        let is_signed = UnparsedPublicKey::new(verification, public_key).verify(&self.0.transcript(data), signature);
        is_signed.map_err(|_| CryptoError::SignatureVerificationFailed {
            signature: algorithm,
            hash,
            group: match key {
                Key::P256 => NamedGroup::Secp256r1,
                Key::P384 => NamedGroup::Secp384r1,
                Key::P521 => NamedGroup::Secp521r1,
                Key::Rsa => NamedGroup::default(),
            },
        })
    }
}

/// In TLS 1.2 the hash and the curve have nothing to do with each other.
fn verification(
    key: Key,
    signature: SignatureAlgorithm,
    hash: HashAlgorithm,
) -> Option<&'static dyn VerificationAlgorithm> {
    const SHA256: HashAlgorithm = HashAlgorithm::SHA256;
    const SHA384: HashAlgorithm = HashAlgorithm::SHA384;
    const SHA512: HashAlgorithm = HashAlgorithm::SHA512;
    Some(match (key, signature, hash) {
        (Key::P256, SignatureAlgorithm::ECDSA, SHA256) => &algorithm::ECDSA_P256_SHA256_ASN1,
        (Key::P256, SignatureAlgorithm::ECDSA, SHA384) => &algorithm::ECDSA_P256_SHA384_ASN1,
        (Key::P384, SignatureAlgorithm::ECDSA, SHA256) => &algorithm::ECDSA_P384_SHA256_ASN1,
        (Key::P384, SignatureAlgorithm::ECDSA, SHA384) => &algorithm::ECDSA_P384_SHA384_ASN1,
        (Key::P521, SignatureAlgorithm::ECDSA, SHA256) => &algorithm::ECDSA_P521_SHA256_ASN1,
        (Key::P521, SignatureAlgorithm::ECDSA, SHA384) => &algorithm::ECDSA_P521_SHA384_ASN1,
        (Key::P521, SignatureAlgorithm::ECDSA, SHA512) => &algorithm::ECDSA_P521_SHA512_ASN1,
        (Key::Rsa, SignatureAlgorithm::RSA, SHA256) => &algorithm::RSA_PKCS1_2048_8192_SHA256,
        (Key::Rsa, SignatureAlgorithm::RSA, SHA384) => &algorithm::RSA_PKCS1_2048_8192_SHA384,
        (Key::Rsa, SignatureAlgorithm::RSA, SHA512) => &algorithm::RSA_PKCS1_2048_8192_SHA512,
        (Key::Rsa, RSA_PSS_RSAE_SHA256, INTRINSIC) => &algorithm::RSA_PSS_2048_8192_SHA256,
        _ => return None,
    })
}

/// Hashes transcripts of handshakes in which we have asked: the library hashes nothing else in DTLS 1.2.
#[derive(Debug)]
pub(super) struct Transcripts(pub(super) &'static dyn HashProvider);

#[derive(Debug)]
struct Transcript(Box<dyn HashContext>);

impl HashProvider for Transcripts {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        Box::new(Transcript(self.0.create_hash(algorithm)))
    }
}

impl HashContext for Transcript {
    fn update(&mut self, data: &[u8]) {
        self.0.update(&Asker::Us.transcript(data));
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        self.0.clone_and_finalize(out);
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm as Made, SigningKey as _};

    use super::*;

    /// A certificate, and a signature with its key.
    fn signed(made: &'static Made, data: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate_for(made).expect("the library makes keys");
        let certificate = CertificateParams::default().self_signed(&key).expect("and certificates");
        (certificate.der().to_vec(), key.sign(data).expect("and signs"))
    }

    #[test]
    fn certificates_of_all_common_kinds_are_verified() {
        use SignatureAlgorithm as S;
        let (sha256, sha384, sha512) = (HashAlgorithm::SHA256, HashAlgorithm::SHA384, HashAlgorithm::SHA512);
        for (made, signature, hash) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, S::ECDSA, sha256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, S::ECDSA, sha384),
            (&rcgen::PKCS_ECDSA_P521_SHA256, S::ECDSA, sha256),
            (&rcgen::PKCS_ECDSA_P521_SHA384, S::ECDSA, sha384),
            (&rcgen::PKCS_ECDSA_P521_SHA512, S::ECDSA, sha512),
            (&rcgen::PKCS_RSA_SHA256, S::RSA, sha256),
            (&rcgen::PKCS_RSA_SHA384, S::RSA, sha384),
            (&rcgen::PKCS_RSA_SHA512, S::RSA, sha512),
        ] {
            let (certificate, proof) = signed(made, b"handshake");
            let verify = |data: &[u8], proof: &[u8]| {
                Signatures(Asker::Us).verify_signature(&certificate, data, proof, hash, signature)
            };
            assert_eq!(verify(b"handshake", &proof), Ok(()), "{made:?}");
            assert!(matches!(verify(b"Handshake", &proof), Err(CryptoError::SignatureVerificationFailed { .. })));
            let mut bent = proof.clone();
            *bent.last_mut().expect("a signature") ^= 1;
            assert!(verify(b"handshake", &bent).is_err());
            assert!(verify(b"handshake", b"").is_err());
        }
    }

    #[test]
    fn a_signature_of_another_kind_than_the_certificate_is_refused() {
        let (certificate, proof) = signed(&rcgen::PKCS_RSA_SHA256, b"handshake");
        for (signature, hash) in [
            (SignatureAlgorithm::ECDSA, HashAlgorithm::SHA256),
            (SignatureAlgorithm::RSA, HashAlgorithm::SHA1),
            (SignatureAlgorithm::Anonymous, HashAlgorithm::None),
            (RSA_PSS_RSAE_SHA256, HashAlgorithm::SHA256),
        ] {
            let refused = Signatures(Asker::Us).verify_signature(&certificate, b"handshake", &proof, hash, signature);
            assert_eq!(refused, Err(CryptoError::UnsupportedSignaturePair { signature, hash }));
        }
        let (certificate, proof) = signed(&rcgen::PKCS_ED25519, b"handshake");
        let (hash, signature) = (HashAlgorithm::SHA256, SignatureAlgorithm::ECDSA);
        let refused = Signatures(Asker::Us).verify_signature(&certificate, b"handshake", &proof, hash, signature);
        assert_eq!(refused, Err(CryptoError::UnsupportedPublicKeyAlgorithm));
        let refused = Signatures(Asker::Us).verify_signature(b"none", b"handshake", &proof, hash, signature);
        assert_eq!(refused, Err(CryptoError::CertificateParseFailed));
    }
}
