//! The bank's API without Paysluice: what a dashboard or another system with the same account does.

use std::time::Duration;

use paysluice::adapter::Request;
use paysluice::transport::Limits;
use paysluice_sandbox::Sandbox;
use serde_json::Value;

/// Posts a form to the sandbox with the account's own secret key, and reads the answer.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub async fn post(sandbox: &Sandbox, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let body: Vec<String> =
        form.iter().map(|(name, value)| format!("{}={value}", name.replace('[', "%5B").replace(']', "%5D"))).collect();
    let secret = sandbox.credentials().secret_key.expose_str().expect("a key of letters");
    let request = Request::new(http::Method::POST, format!("https://api.stripe.com{path}"))
        .header(http::header::AUTHORIZATION, &format!("Bearer {secret}"))
        .and_then(|request| request.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded"))
        .expect("headers")
        .with_body(body.join("&"));
    let limits = Limits { timeout: Duration::from_secs(30), reply_cap: 1 << 20 };
    let reply = sandbox.transport().send(request, limits).await.expect("an answer");
    (reply.status.as_u16(), serde_json::from_slice(&reply.body).expect("JSON"))
}
