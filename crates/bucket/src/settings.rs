//! Which bucket, where, and as whom.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use object_store::ClientOptions;
use object_store::aws::{AmazonS3, AmazonS3Builder};

use crate::{Error, PATIENCE};

/// Without an access key the machine's own identity is used (environment, instance role).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Its name, and after a slash a folder in it.
    pub bucket: String,
    /// `https://…` of a service that is not AWS's.
    pub endpoint: Option<String>,
    /// The bucket's name comes in the path, not in the host name.
    pub path_style: bool,
    /// Where the bucket is.
    pub region: Option<String>,
    /// As whom: name and secret.
    pub credentials: Option<(String, String)>,
    /// Of every new object.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bucket, endpoint, path_style, region, .. } = self;
        // Neither the secret nor headers, which may hold keys.
        f.debug_struct("Settings")
            .field("bucket", bucket)
            .field("endpoint", endpoint)
            .field("path_style", path_style)
            .field("region", region)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Name and folder.
    pub(crate) fn place(&self) -> Result<(String, String), Error> {
        let (name, folder) = self.bucket.split_once('/').unwrap_or((&self.bucket, ""));
        let folder = folder.strip_suffix('/').unwrap_or(folder);
        let is_odd = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains(char::is_control);
        if is_odd(name) || (!folder.is_empty() && folder.split('/').any(is_odd)) {
            return Err(Error::Settings(format!(
                "'{}' is not the name of a bucket, or of a folder in one",
                self.bucket
            )));
        }
        Ok((name.to_owned(), folder.to_owned()))
    }

    pub(crate) fn client(&self, creating: bool) -> Result<AmazonS3, Error> {
        let mut options =
            ClientOptions::new().with_allow_http(true).with_connect_timeout(PATIENCE).with_timeout_disabled();
        options = options.with_config(object_store::ClientConfigKey::ReadTimeout, "30 seconds");
        if creating {
            options = options.with_default_headers(self.headers()?);
        }
        let mut builder = match &self.credentials {
            Some((key, secret)) => {
                AmazonS3Builder::new().with_access_key_id(key.as_str()).with_secret_access_key(secret.as_str())
            }
            None => AmazonS3Builder::from_env(),
        };
        builder = builder.with_bucket_name(self.place()?.0).with_client_options(options);
        if let Some(region) = &self.region {
            builder = builder.with_region(region.as_str());
        }
        builder = match &self.endpoint {
            // In the host name the bucket is the endpoint's, and the library takes it as it is.
            Some(endpoint) if !self.path_style => builder.with_endpoint(self.virtual_host(endpoint)?),
            Some(endpoint) => builder.with_endpoint(endpoint.trim_end_matches('/')),
            None => builder,
        };
        builder
            .with_virtual_hosted_style_request(!self.path_style)
            .build()
            .map_err(|error| Error::Settings(error.to_string()))
    }

    fn virtual_host(&self, endpoint: &str) -> Result<String, Error> {
        let (scheme, host) = endpoint
            .trim_end_matches('/')
            .split_once("://")
            .ok_or_else(|| Error::Settings(format!("'{endpoint}' is not a URL")))?;
        Ok(format!("{scheme}://{}.{host}", self.place()?.0))
    }

    fn headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let is_header = (name.parse::<HeaderName>(), HeaderValue::from_str(value));
            let (Ok(name), Ok(value)) = is_header else {
                return Err(Error::Settings(format!("'{name}' is not a header, or its value cannot be one's")));
            };
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_may_be_in_the_host_name() {
        let settings = Settings {
            bucket: "recordings/ours".to_owned(),
            endpoint: Some("https://objects.example.org:9000/".to_owned()),
            ..Settings::default()
        };
        let endpoint = settings.virtual_host(settings.endpoint.as_deref().unwrap()).unwrap();
        assert_eq!(endpoint, "https://recordings.objects.example.org:9000");
        assert!(settings.client(false).is_ok());
        let settings = Settings { endpoint: Some("objects.example.org".to_owned()), ..settings };
        assert!(matches!(settings.client(false), Err(Error::Settings(_))));
    }
}
