//! What payers do with what the shop shows them.

use std::time::Duration;

use http::Method as Verb;
use http::header::CONTENT_TYPE;
use paysluice::adapter::{Form, Request};
use paysluice::model::{NextAction, Payment};
use paysluice::transport::Limits;

use crate::World;

/// The payer follows what the payment asks for: opens the link, posts the form, scans the code. The name by which the bank knows
/// the order from then on; empty where nothing is shown.
#[allow(clippy::expect_used, reason = "a harness: what cannot be opened ends the test")]
pub async fn opens(world: &World, payment: &Payment) -> String {
    match payment.next_action.as_ref().map(|action| &action.what) {
        Some(NextAction::Redirect(shown) | NextAction::Qr(shown)) => shown.clone(),
        Some(NextAction::Invoke(fields)) => fields.get("tn").or_else(|| fields.values().next()).cloned().unwrap_or_default(),
        Some(NextAction::Form { url, fields }) => {
            let body = Form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let request = Request::new(Verb::POST, url.clone()).with_body(body);
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").expect("a header");
            let limits = Limits { timeout: Duration::from_secs(10), reply_cap: 1 << 20 };
            let page = world.sandbox.transport().send(request, limits).await.expect("a page");
            let page = String::from_utf8_lossy(&page.body).into_owned();
            page.split("name=tn value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an order").to_owned()
        }
        _ => String::new(),
    }
}
