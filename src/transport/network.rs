//! The transport on reqwest: one request, one whole answer, and `Unsent` only on proof.

mod config;
mod fault;

use std::fmt;
use std::mem::take;
use std::net::IpAddr;
use std::time::Duration;

use bytes::BytesMut;
use http::{HeaderValue, Method, Version, header};
use reqwest::{Client, Response, Url};

use super::{Limits, Transport, TransportError};
use crate::adapter::{Reply, Request};
use crate::env::BoxFuture;
use crate::model::Invalid;

pub use config::{NetworkConfig, Pem};

/// Sends over HTTP/1.1 or HTTP/2 with TLS by rustls. Cheap to clone; clones share their connections.
///
/// What counts as proof that nothing was sent is short: our own refusal of the address, and no connection (DNS, TCP, proxy,
/// TLS, connect timeout). "Connection closed before message completed" is no proof: a server that reads the whole request
/// and then closes gives exactly that.
///
/// * **One hidden second try remains, and it is safe.** hyper-util puts a request on another connection if a *reused* one
///   closed while the request was still in its queue, handed back whole with no byte written. A request whose first byte may
///   have been written is never handed back, so it is never sent twice (tested against a server that closes idle connections).
///   reqwest offers no switch for it.
/// * reqwest's own retries, redirects, cookies, decompression and proxies from the environment are off, also when another
///   crate of the build turns their features on.
/// * **Only a failure to connect proves anything.** A [`Limits::timeout`] that ends while still connecting is `Lost`, so keep
///   [`NetworkConfig::connect_timeout`](field@NetworkConfig::connect_timeout) smaller than the timeout of any send that moves money.
/// * A provider that asks for a client certificate and gets none, or the wrong one, may say so only after the request was
///   written (TLS 1.3), so that is `Lost`.
/// * A body that ends only where the connection ends is whole only if TLS vouches for the end; over plain HTTP it is `Lost`.
#[derive(Clone)]
pub struct NetworkTransport {
    client: Client,
    http_loopback: bool,
}

impl NetworkTransport {
    /// Reads the files that `config` names and builds the client. `keep_alive` is the time after which the provider closes
    /// idle connections ([`Profile::keep_alive`](crate::adapter::Profile)). The error names the field and what would be right.
    pub fn new(config: &NetworkConfig, keep_alive: Duration) -> Result<Self, Invalid> {
        Ok(Self { client: config.client(keep_alive)?, http_loopback: config.allow_http_loopback })
    }

    async fn exchange(&self, request: Request, limits: Limits) -> Result<Reply, TransportError> {
        let request = self.prepare(request, limits)?;
        let response = self.client.execute(request).await.map_err(fault::sending)?;
        read(response, limits.reply_cap).await
    }

    fn prepare(&self, request: Request, limits: Limits) -> Result<reqwest::Request, TransportError> {
        if limits.timeout.is_zero() {
            return Err(unsent("no time is left"));
        }
        let url = self.address(&request.url).map_err(unsent)?;
        let mut prepared = reqwest::Request::new(request.method, url);
        *prepared.headers_mut() = request.headers;
        if request.body.is_empty() && [Method::POST, Method::PUT, Method::PATCH].contains(prepared.method()) {
            // hyper leaves the length of an empty body out, and some servers answer that with 411 (RFC 9110, 8.6).
            prepared.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        } else if !request.body.is_empty() {
            *prepared.body_mut() = Some(request.body.into());
        }
        *prepared.timeout_mut() = Some(limits.timeout);
        Ok(prepared)
    }

    fn address(&self, text: &str) -> Result<Url, &'static str> {
        let url = Url::parse(text).map_err(|_| "the address is not an absolute URL")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the address holds a user or password");
        }
        match url.scheme() {
            "http" if !is_loopback(&url) => Err("plain http to another machine"),
            "http" if !self.http_loopback => Err("plain http without network.allow_http_loopback"),
            "https" | "http" => Ok(url),
            _ => Err("the address is neither https nor http"),
        }
    }
}

impl Transport for NetworkTransport {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Reply, TransportError>> {
        Box::pin(self.exchange(request, limits))
    }
}

impl fmt::Debug for NetworkTransport {
    /// Prints nothing of the client: its proxy may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkTransport").field("http_loopback", &self.http_loopback).finish_non_exhaustive()
    }
}

/// Reads the body to its end. Returning early drops the response, and with it the connection.
async fn read(mut response: Response, cap: usize) -> Result<Reply, TransportError> {
    let status = response.status();
    let too_large = || TransportError::Lost(format!("status {status}, and a body of more than {cap} bytes"));
    if ends_unproved(&response) {
        return Err(TransportError::Lost(format!("status {status}, and a body whose end nothing vouches for")));
    }
    let announced = response.content_length().unwrap_or(0);
    if announced > u64::try_from(cap).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let headers = take(response.headers_mut());
    let mut body = BytesMut::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = response.chunk().await.map_err(|error| fault::reading(status, error))? {
        if chunk.len() > cap.saturating_sub(body.len()) {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, headers, body: body.freeze() })
}

/// Whether the body ends where the connection ends and no TLS says that it was ended on purpose (RFC 9112, 8).
fn ends_unproved(response: &Response) -> bool {
    let chunked = response.headers().get_all(header::TRANSFER_ENCODING).iter().any(|value| {
        let value = value.as_bytes().trim_ascii_end();
        value.len() >= CHUNKED.len() && value.rchunks(CHUNKED.len()).next().is_some_and(|end| end.eq_ignore_ascii_case(CHUNKED))
    });
    response.version() < Version::HTTP_2 && response.url().scheme() == "http" && response.content_length().is_none() && !chunked
}

const CHUNKED: &[u8] = b"chunked";

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn unsent(why: &str) -> TransportError {
    TransportError::Unsent(why.to_owned())
}

#[cfg(test)]
mod tests;
