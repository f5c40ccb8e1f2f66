//! The sandbox from outside, in virtual time.

pub(crate) mod alipay;
mod callbacks;
mod faults;
mod idempotency;
mod payments;
mod refunds;
mod served;
mod unionpay;
mod wechatpay;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderName, Method};
use paysluice::adapter::{Reply, Request};
use paysluice::env::Env;
use paysluice::transport::{Limits, Transport, TransportError};
use serde_json::Value;

use crate::{Sandbox, SandboxConfig};

pub(crate) const LIMITS: Limits = Limits { timeout: Duration::from_secs(30), reply_cap: 1 << 20 };

/// A client that speaks Stripe's protocol by hand.
pub(crate) struct Client {
    pub(crate) sandbox: Sandbox,
    pub(crate) transport: Arc<dyn Transport>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reply: Reply,
    pub(crate) json: Value,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::with(SandboxConfig::default())
    }

    pub(crate) fn with(config: SandboxConfig) -> Self {
        let sandbox = Sandbox::new(world(), config);
        Self { transport: sandbox.transport(), sandbox }
    }

    pub(crate) fn request(&self, method: Method, path: &str, body: &str, key: Option<&str>) -> Request {
        let secret = self.sandbox.credentials().secret_key.expose_str().unwrap().to_owned();
        let mut request = Request::new(method, format!("https://api.stripe.com{path}")).with_body(body.to_owned());
        let mut headers = vec![("authorization", format!("Bearer {secret}")), ("stripe-version", "2026-07-29.dahlia".to_owned())];
        if !body.is_empty() {
            headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        }
        headers.extend(key.map(|key| ("idempotency-key", key.to_owned())));
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), &value).unwrap();
        }
        request
    }

    pub(crate) async fn send(&self, request: Request) -> Result<Answer, TransportError> {
        let reply = self.transport.send(request, LIMITS).await?;
        let json = serde_json::from_slice(&reply.body).unwrap_or_default();
        Ok(Answer { status: reply.status.as_u16(), reply, json })
    }

    pub(crate) async fn post(&self, path: &str, body: &str, key: &str) -> Answer {
        self.send(self.request(Method::POST, path, body, Some(key))).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path, "", None)).await.unwrap()
    }

    /// A created, unconfirmed intent of 10 USD for an order.
    pub(crate) async fn intent(&self, order: &str, more: &str) -> String {
        let body = format!("amount=1000&currency=usd&payment_method_types[0]=card&metadata[order]={order}{more}");
        let answer = self.post("/v1/payment_intents", &body, &format!("create-{order}")).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json["id"].as_str().unwrap().to_owned()
    }

    /// A paid intent of 10 USD.
    pub(crate) async fn paid(&self, order: &str, method: &str) -> String {
        let id = self.intent(order, "").await;
        let answer = self.confirm(&id, method, &format!("confirm-{order}")).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        id
    }

    pub(crate) async fn confirm(&self, id: &str, method: &str, key: &str) -> Answer {
        let body = format!("payment_method={method}&return_url=https%3A%2F%2Fshop.example%2Fback");
        self.post(&format!("/v1/payment_intents/{id}/confirm"), &body, key).await
    }

    pub(crate) fn status(&self, id: &str) -> String {
        self.sandbox.object(id).unwrap()["status"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn wait(&self, seconds: u64) {
        self.sandbox.env().sleep(Duration::from_secs(seconds)).await;
    }
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }
}

pub(crate) fn world() -> Env {
    Env::simulated(7, SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000))
}
