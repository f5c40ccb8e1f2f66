//! What goes over the wire and comes back: plain requests and replies, no client attached.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::model::{Error, ErrorKind, Secret};

/// A request: to a provider, or from one.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address: absolute to a provider, path and query from one.
    pub url: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl Request {
    /// A request without headers or body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// With a header. A value that HTTP forbids is an error of the caller's configuration, and is not repeated.
    pub fn header(mut self, name: HeaderName, value: &str) -> Result<Self, Error> {
        self.headers.insert(name.clone(), visible(&name, value)?);
        Ok(self)
    }

    /// With a header whose value is a secret: marked so that no log prints it.
    pub fn secret_header(mut self, name: HeaderName, value: &Secret) -> Result<Self, Error> {
        let mut value = HeaderValue::from_bytes(value.expose()).map_err(|_| unfit(&name))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// With a body.
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

fn visible(name: &HeaderName, value: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(value).map_err(|_| unfit(name))
}

fn unfit(name: &HeaderName) -> Error {
    Error::new(ErrorKind::Invalid, format!("header {name}: must hold visible ASCII only"))
}

impl std::fmt::Debug for Request {
    /// Prints no header value and no body: either may hold a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        let path = self.url.split('?').next().unwrap_or_default();
        write!(f, "{} {path} {names:?} {} bytes", self.method, self.body.len())
    }
}

/// A whole answer: the body was read to its end, within the size cap.
#[derive(Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl Reply {
    /// An answer of that status with that body.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into() }
    }

    /// A header's value, if it is there once and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        single_header(&self.headers, name)
    }
}

impl std::fmt::Debug for Reply {
    /// Prints no body: it may hold a secret of the payer.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} bytes", self.status, self.body.len())
    }
}

/// A header's value if it is there exactly once and is visible ASCII. A header that comes twice is nobody's word.
pub fn single_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_no_secret() {
        let request = Request::new(Method::POST, "https://api.example/v1/x?key=secret1")
            .secret_header(http::header::AUTHORIZATION, &Secret::new("Bearer secret2"))
            .unwrap()
            .with_body("secret3");
        let printed = format!("{request:?} {:?}", request.headers);
        assert!(!printed.contains("secret"), "{printed}");
    }

    #[test]
    fn a_header_that_comes_twice_is_not_taken() {
        let mut reply = Reply::new(StatusCode::OK, "");
        reply.headers.append("x-a", HeaderValue::from_static("1"));
        assert_eq!(reply.header("x-a"), Some("1"));
        reply.headers.append("x-a", HeaderValue::from_static("2"));
        assert_eq!(reply.header("x-a"), None);
    }
}
