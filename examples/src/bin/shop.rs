//! A small web shop: charges an order, hears the provider's callbacks, and ends in order.
//!
//! ```sh
//! STRIPE_KEY=sk_test_… STRIPE_WEBHOOK_SECRET=whsec_… AT_REST_KEY=<64 hex digits> cargo run -p paysluice-examples --bin shop
//! curl -X POST localhost:8080/orders/A-1/pay/pm_card_visa
//! ```

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Router, serve};
use paysluice::adapter::{Charge, Method};
use paysluice::callback::CallbackService;
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{Call, Gateway, Handler, PaymentChannel, TellAgain, Told};
use paysluice::model::{Currency, Fate, Money, Next, OrderNo, Secret};
use paysluice::signing::Sealer;
use paysluice::transport::{NetworkConfig, NetworkTransport};
use paysluice_sqlite::{Options, SqliteStore};
use paysluice_stripe::{Stripe, StripeConfig};

/// Where a real shop would ship: called at least once for every change, so it must be harmless to do twice.
#[derive(Debug)]
struct Ship;

impl Handler for Ship {
    fn handle<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<(), TellAgain>> {
        Box::pin(async move {
            println!("{} is {} (told by {}, {})", told.payment.order_no, told.payment.status, told.by, told.effect_key);
            Ok(())
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gateway = open()?;
    let app = Router::new()
        .route("/orders/{order}/pay/{token}", post(pay))
        .with_state(gateway.clone())
        // The provider calls /callbacks/stripe:test:shop
        .nest_service("/callbacks", CallbackService::new([gateway.clone()]));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on http://{}", listener.local_addr()?);
    serve(listener, app).with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) }).await?;
    let drained = gateway.drain(Duration::from_secs(30)).await;
    println!("{} operations are left to the next start", drained.left);
    Ok(())
}

fn open() -> Result<Gateway, Box<dyn std::error::Error>> {
    let env = Env::system();
    let mut config = StripeConfig::new("stripe:test:shop".parse()?, Secret::new(std::env::var("STRIPE_KEY")?));
    config.webhook_secrets = vec![Secret::new(std::env::var("STRIPE_WEBHOOK_SECRET")?)];
    let key = Secret::new(hex::decode(std::env::var("AT_REST_KEY")?)?);
    let store = SqliteStore::open("shop.db", env.clock().clone(), Options::default())?;
    let transport = NetworkTransport::new(&NetworkConfig::default(), Duration::from_secs(60))?;
    let gateway = Gateway::builder(Arc::new(Stripe::new(config)?), Arc::new(transport), Arc::new(store), env)
        .sealer(Sealer::new([("shop-1".to_owned(), key)])?)
        .handler(Arc::new(Ship))
        .build()?;
    Ok(gateway)
}

/// The browser may come twice, the network may fail: the order is charged once, and the shop knows what it may say.
async fn pay(State(gateway): State<Gateway>, Path((order, token)): Path<(String, String)>) -> (StatusCode, String) {
    let (Ok(order), Ok(money)) = (OrderNo::new(order), Money::new(19_90, Currency::EUR)) else {
        return (StatusCode::BAD_REQUEST, "no such order".to_owned());
    };
    match gateway.charge(Charge::new(order, money, Method::Token(token)), Call::default()).await {
        Ok(answer) => (StatusCode::OK, format!("{}\n", answer.value.status)),
        Err(error) => match (error.fate(), error.next()) {
            (Fate::NotApplied, Next::Resend { .. }) => (StatusCode::SERVICE_UNAVAILABLE, "try again in a moment\n".to_owned()),
            (Fate::NotApplied, _) => (StatusCode::PAYMENT_REQUIRED, format!("{error}\n")),
            (Fate::Unknown, _) => (StatusCode::ACCEPTED, "your payment is being confirmed; do not pay again\n".to_owned()),
            (Fate::Applied, _) => (StatusCode::OK, "paid before\n".to_owned()),
        },
    }
}
