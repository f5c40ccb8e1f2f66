//! Law 13: no secret in logs, errors, `Debug` or `Display`; drafts sealed while they are needed and gone when they are not.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use paysluice::adapter::{Cancel, Confirm, Refund, Request};
use paysluice::gateway::PaymentChannel;
use paysluice::model::{RefundNo, Secret};
use paysluice::signing::Sealer;
use paysluice::store::{Space, SpaceKind};
use paysluice_sandbox::{Fault, Scope};
use paysluice_tests::ear::Ear;
use paysluice_tests::{Setup, World, call, card, eur, on_virtual_time, order, stripe, with_card};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// Writes down every span and event, fields and all.
#[derive(Clone, Debug, Default)]
struct Ledger(Arc<Mutex<String>>);

impl Visit for Ledger {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Ledger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        span.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn sealer() -> Sealer {
    Sealer::new([("k1".to_owned(), Secret::new(vec![7; 32]))]).unwrap()
}

fn sealed(seed: u64, ear: Arc<Ear>) -> World {
    World::with(Setup { seed, background: true, handler: Some(ear), sealer: Some(sealer()), ..Setup::default() })
}

/// Everything that must not be seen, by name.
fn secrets(world: &World) -> Vec<(String, String)> {
    let credentials = world.sandbox.credentials();
    let exposed = |secret: &Secret| secret.expose_str().unwrap().to_owned();
    let mut found = vec![
        ("the secret key".to_owned(), exposed(&credentials.secret_key)),
        ("the webhook secret".to_owned(), exposed(&credentials.webhook_secret)),
    ];
    for intent in world.sandbox.intents() {
        let object = world.sandbox.object(&intent).unwrap();
        found.push((format!("the client secret of {intent}"), object["client_secret"].as_str().unwrap().to_owned()));
    }
    found.extend(
        ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_threeDSecure2Required"]
            .map(|token| ("a token".to_owned(), token.to_owned())),
    );
    found
}

fn assert_silent(world: &World, place: &str, text: &str) {
    for (name, secret) in secrets(world) {
        let at = text.find(&secret);
        assert!(at.is_none(), "{place} shows {name}: …{}", &text[at.unwrap_or(0).saturating_sub(200)..at.unwrap_or(0)]);
    }
}

#[test]
fn no_secret_is_in_any_log_error_or_printed_type() {
    let (ledger, mut shown) = (Ledger::default(), String::new());
    let world = tracing::subscriber::with_default(ledger.clone(), || {
        on_virtual_time(async {
            let ear = Ear::new();
            let world = sealed(1, ear.clone());
            world.hears();
            let mut show = |what: &dyn fmt::Debug| writeln!(shown, "{what:?}\n{what:#?}").unwrap();
            let charges = [card("good"), with_card("declined", "pm_card_chargeDeclined"), with_card("nonsense", "pm_none")];
            for charge in charges {
                show(&charge);
                show(&world.gateway.charge(charge, call()).await);
            }
            let waits = with_card("waits", "pm_card_threeDSecure2Required").return_url("https://shop.invalid");
            show(&world.gateway.charge(waits, call()).await);
            let client = paysluice::adapter::Charge::new(order("client"), eur(900), paysluice::adapter::Method::Client);
            show(&world.gateway.charge(client, call()).await);
            for fault in
                [Fault::Garbage, Fault::OtherOrder, Fault::ErrorAfter, Fault::Truncated, Fault::Refuse, Fault::CloseAfter]
            {
                world.sandbox.faults().script_in(Scope::Changing, [fault; 2]);
                let told = world.gateway.charge(card(&format!("{fault:?}")[..4]), call()).await;
                world.sandbox.faults().none();
                if let Err(error) = &told {
                    show(&error.to_string());
                }
                show(&told);
                world.sleep(40).await;
            }
            let refund = Refund::new(order("good"), RefundNo::new("r").unwrap(), eur(100));
            show(&world.gateway.refund(refund, call()).await);
            show(&world.gateway.refund(Refund::new(order("good"), RefundNo::new("s").unwrap(), eur(5000)), call()).await);
            show(&world.gateway.cancel(Cancel::new(order("waits")), call()).await);
            show(&world.gateway.confirm(Confirm::new(order("client"), 1).with("payment_method", "pm_card_visa"), call()).await);
            let mut forged = Request::new(http::Method::POST, "/callbacks/stripe").with_body("{}");
            forged.headers.insert("stripe-signature", "t=1,v1=00".parse().unwrap());
            show(&world.gateway.receive(&forged).await);
            world.sleep(600).await;
            show(&ear.heard());
            show(&world.gateway.doubts(99).await);
            show(&world.gateway.dead_letters(99).await);
            for thing in [&world.gateway as &dyn fmt::Debug, &stripe(&world.sandbox), &sealer(), world.sandbox.credentials()] {
                show(thing);
            }
            // A wrong key: what the provider says of it is not repeated with the key in it.
            let credentials = world.sandbox.credentials();
            let config = paysluice_stripe::StripeConfig::new(world.gateway.account().clone(), credentials.secret_key.clone())
                .webhook_secret(credentials.webhook_secret.clone());
            show(&config);
            world
        })
    });
    assert!(shown.len() > 10_000, "the scenario showed something");
    let logs = ledger.0.lock().unwrap().clone();
    assert!(logs.len() > 200, "the scenario logged something: {logs}");
    // Tokens are in what the application itself passes in and prints; not in what we log.
    assert_silent(&world, "a log", &logs);
    assert_silent(&world, "a printed type", &shown);
}

/// All rows, as the store holds them.
async fn rows(world: &World) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for kind in SpaceKind::ALL {
        let space = Space::new(kind, world.gateway.account());
        for row in world.store.page(&space, None, 1000).await.unwrap() {
            let body = String::from_utf8(row.body.to_vec()).unwrap();
            found.push((format!("{} {}/{}", kind.name(), row.key.part, row.key.id), body));
        }
    }
    found
}

#[test]
fn rows_hold_no_token_and_no_secret_while_in_flight_and_no_draft_when_settled() {
    on_virtual_time(async {
        let world = sealed(2, Ear::new());
        world
            .sandbox
            .faults()
            .script_in(Scope::matching("POST", "/v1/payment_intents/*/confirm"), [Fault::Slow { by_ms: 9_000 }]);
        let look = async {
            let mut drafts = 0;
            for _ in 0..20 {
                world.env.sleep(Duration::from_millis(200)).await;
                for (name, body) in rows(&world).await {
                    assert_silent(&world, &name, &body);
                    drafts += usize::from(name.starts_with("intent") && body.contains(r#""draft":"k1."#));
                }
            }
            drafts
        };
        let (charged, drafts) = tokio::join!(world.gateway.charge(card("o"), call()), look);
        assert!(drafts > 0, "while in flight the draft is there, sealed");
        charged.unwrap();
        let declined = with_card("d", "pm_card_chargeDeclined");
        world.gateway.charge(declined, call()).await.unwrap_err();
        let refund = Refund::new(order("o"), RefundNo::new("r").unwrap(), eur(100));
        world.gateway.refund(refund, call()).await.unwrap();
        world.sleep(5).await;
        for (name, body) in rows(&world).await {
            assert_silent(&world, &name, &body);
            let row: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert!(row.get("draft").is_none() && row.get("op").is_none(), "{name} keeps its draft: {body}");
        }
    });
}
