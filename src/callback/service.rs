//! The tower service that a web framework mounts: one address per account, the answer in the provider's own words.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use tower_service::Service;

use super::inbox::unavailable;
use crate::adapter::{Reply, Request};
use crate::env::BoxFuture;
use crate::gateway::{Gateway, PaymentChannel};
use crate::guard::timeout;

/// How long a body may take to arrive: who drips longer is not a provider.
const BODY: Duration = Duration::from_secs(10);

/// How long verifying and storing may take: providers hang up after 5 to 10 s.
const ANSWER: Duration = Duration::from_secs(10);

/// Takes providers' callbacks in. Mount it where the providers call: the last segment of the path names the account, as in
/// `/callbacks/stripe:live:acct_1`.
///
/// * The body is capped before anything is parsed, and must arrive in time.
/// * An unknown account is 404, any method but POST 405, a store that fails 503; all else the provider's adapter answers.
#[derive(Clone, Debug, Default)]
pub struct CallbackService(Arc<HashMap<String, Gateway>>);

impl CallbackService {
    /// A service for these gateways.
    pub fn new(gateways: impl IntoIterator<Item = Gateway>) -> Self {
        Self(Arc::new(gateways.into_iter().map(|gateway| (gateway.account().to_string(), gateway)).collect()))
    }

    async fn answer<B>(self, request: http::Request<B>) -> Reply
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let name = request.uri().path().rsplit('/').next().unwrap_or_default().replace("%3A", ":").replace("%3a", ":");
        let Some(gateway) = self.0.get(&name) else { return Reply::new(StatusCode::NOT_FOUND, "no such account") };
        if request.method() != Method::POST {
            return Reply::new(StatusCode::METHOD_NOT_ALLOWED, "POST only");
        }
        let (head, body) = request.into_parts();
        let env = &gateway.inner().env;
        let collected = Limited::new(body, gateway.callback_cap()).collect();
        let body = match timeout::run(env, env.now() + BODY, collected).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return Reply::new(StatusCode::PAYLOAD_TOO_LARGE, "too large");
            }
            Ok(Err(_)) => return Reply::new(StatusCode::BAD_REQUEST, "the body did not arrive whole"),
            Err(timeout::Elapsed) => return Reply::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
        };
        let url = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
        let raw = Request { method: head.method, url, headers: head.headers, body };
        // A store that stands still answers nobody. The provider comes again; what was stored all the same is then a duplicate.
        let received = timeout::run(env, env.now() + ANSWER, gateway.receive(&raw)).await;
        received.map_or_else(|timeout::Elapsed| unavailable(), |received| received.reply)
    }
}

impl<B> Service<http::Request<B>> for CallbackService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let reply = service.answer(request).await;
            let mut response = Response::new(Full::new(reply.body));
            (*response.status_mut(), *response.headers_mut()) = (reply.status, reply.headers);
            Ok(response)
        })
    }
}
