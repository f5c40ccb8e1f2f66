//! The callback service as a provider meets it: over HTTP, with everything that can be wrong with a request.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use super::toy::SIGNATURE;
use super::world::*;
use crate::callback::*;
use crate::gateway::*;
use crate::model::*;
use crate::store::SpaceKind;

const PATH: &str = "/callbacks/toy:test:m1";

/// A body that does not come as it should.
enum Odd {
    Never,
    Breaks,
}

impl Body for Odd {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match *self {
            Self::Never => Poll::Pending,
            Self::Breaks => Poll::Ready(Some(Err(std::io::Error::other("connection reset")))),
        }
    }
}

async fn call<B>(world: &World, request: Request<B>) -> (u16, String)
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut service = CallbackService::new([world.gateway.clone()]);
    let answered: Result<Response<Full<Bytes>>, Infallible> = service.call(request).await;
    let (head, body) = answered.unwrap().into_parts();
    (head.status.as_u16(), String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

/// The callback as it comes over HTTP.
fn posted(callback: &crate::adapter::Request, path: &str) -> Request<Full<Bytes>> {
    let mut request = Request::post(path).body(Full::new(callback.body.clone())).unwrap();
    *request.headers_mut() = callback.headers.clone();
    request
}

/// Order `a` was paid, and the provider says so.
async fn paid() -> (World, crate::adapter::Request) {
    let world = World::new();
    world.charge("a", "payer").await.unwrap();
    world.bank.moves_to("a", "paid");
    let callback = world.bank.callback_for("a");
    (world, callback)
}

#[tokio::test(start_paused = true)]
async fn what_was_stored_is_answered_in_the_providers_words() {
    for path in [PATH, "/deep/er/toy%3Atest%3am1", "/callbacks/toy:test:m1?x=1"] {
        let (world, callback) = paid().await;
        assert_eq!(call(&world, posted(&callback, path)).await, (200, "thanks".to_owned()), "{path}");
        world.pass(3).await;
        assert_eq!(world.payment("a").await.status, Status::Paid, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_not_here_and_any_method_but_post_are_refused() {
    let (world, callback) = paid().await;
    for path in
        ["/", "/callbacks/", "/callbacks/toy:live:m1", "/callbacks/toy:test:m1/", "/callbacks/toy:test:m1:sub", "/toy:test"]
    {
        assert_eq!(call(&world, posted(&callback, path)).await.0, 404, "{path}");
    }
    for method in ["GET", "PUT", "HEAD", "DELETE", "OPTIONS"] {
        let mut request = posted(&callback, PATH);
        *request.method_mut() = method.parse().unwrap();
        assert_eq!(call(&world, request).await.0, 405, "{method}");
    }
    assert_eq!(world.rows(SpaceKind::Inbox).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_cap_is_not_even_read() {
    let (world, mut callback) = paid().await;
    callback.body = vec![b' '; (1 << 16) + 1].into();
    assert_eq!(call(&world, posted(&callback, PATH)).await.0, 413);
    callback.body = vec![b' '; 1 << 16].into();
    assert_eq!(call(&world, posted(&callback, PATH)).await, (400, "no".to_owned()));
    let direct = world.gateway.receive(&crate::adapter::Request { body: vec![b' '; (1 << 16) + 1].into(), ..callback }).await;
    assert_eq!((direct.reply.status, direct.refused.unwrap().kind()), (StatusCode::BAD_REQUEST, ErrorKind::Invalid));
    assert_eq!((world.rows(SpaceKind::Inbox).await, world.rows(SpaceKind::Dead).await), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_or_never_comes_is_let_go() {
    let (world, _) = paid().await;
    assert_eq!(call(&world, Request::post(PATH).body(Odd::Breaks).unwrap()).await.0, 400);
    let before = world.env.now();
    assert_eq!(call(&world, Request::post(PATH).body(Odd::Never).unwrap()).await.0, 408);
    assert!(world.env.now().since(before) <= Duration::from_secs(11));
}

#[tokio::test(start_paused = true)]
async fn a_signature_that_is_wrong_missing_or_there_twice_is_refused_and_leaves_nothing() {
    let (world, callback) = paid().await;
    let mut requests: Vec<_> = (0..4).map(|_| posted(&callback, PATH)).collect();
    requests[0].headers_mut().insert(SIGNATURE, "00".parse().unwrap());
    requests[1].headers_mut().remove(SIGNATURE);
    let good = callback.headers[SIGNATURE].clone();
    requests[2].headers_mut().append(SIGNATURE, good);
    *requests[3].body_mut() = Full::new(Bytes::from_static(b"{}"));
    for request in requests {
        assert_eq!(call(&world, request).await, (400, "no".to_owned()));
    }
    assert_eq!((world.rows(SpaceKind::Inbox).await, world.rows(SpaceKind::Dead).await), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_makes_the_provider_come_again() {
    let (world, callback) = paid().await;
    for trouble in [Trouble::Before, Trouble::After] {
        world.store.fail(Some(SpaceKind::Inbox), trouble, 3);
        assert_eq!(call(&world, posted(&callback, PATH)).await.0, 503, "{trouble:?}");
    }
    assert_eq!(call(&world, posted(&callback, PATH)).await.0, 200);
    world.pass(3).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stands_still_lets_the_provider_go_to_come_again() {
    let (world, callback) = paid().await;
    world.store.stands_still.store(true, Ordering::Relaxed);
    let before = world.env.now();
    assert_eq!(call(&world, posted(&callback, PATH)).await.0, 503);
    assert!(world.env.now().since(before) <= Duration::from_secs(11));
    world.store.stands_still.store(false, Ordering::Relaxed);
    assert_eq!(call(&world, posted(&callback, PATH)).await.0, 200);
    world.pass(3).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn duplicates_at_once_and_while_the_first_is_applied_take_effect_once() {
    let (world, callback) = paid().await;
    let other = world.another();
    let (one, two, three) =
        tokio::join!(call(&world, posted(&callback, PATH)), call(&world, posted(&callback, PATH)), other.receive(&callback));
    assert_eq!((one.0, two.0, three.reply.status.as_u16()), (200, 200, 200));
    // The worker has claimed it, and its commit does not get through yet.
    world.store.fail(Some(SpaceKind::Order), Trouble::Before, 2);
    world.env.sleep(Duration::from_millis(30)).await;
    assert_eq!(call(&world, posted(&callback, PATH)).await.0, 200);
    world.pass(120).await;
    assert_eq!((world.payment("a").await.status, world.rows(SpaceKind::Inbox).await), (Status::Paid, 1));
    assert_eq!(world.ear.heard(), [(ToldChange::Payment, Status::AwaitingPayer), (ToldChange::Payment, Status::Paid)]);
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_before_the_charges_own_answer_is_applied_once() {
    let world = World::new();
    world.bank.fail("/confirm", super::bank::Fault::Slow(Duration::from_secs(5)));
    let early = async {
        world.env.sleep(Duration::from_secs(2)).await;
        call(&world, posted(&world.bank.callback_for("a"), PATH)).await
    };
    let (charged, early) = tokio::join!(world.charge("a", "ok"), early);
    assert_eq!((charged.unwrap().status, early.0), (Status::Paid, 200));
    world.pass(60).await;
    assert_eq!(world.ear.heard(), [(ToldChange::Payment, Status::Paid)]);
    assert_eq!(world.payment("a").await.captured, eur(100));
}

#[tokio::test(start_paused = true)]
async fn a_bad_item_among_good_ones_is_kept_and_spoils_nothing() {
    let (world, _) = paid().await;
    let payment = world.bank.of("a", &[]).pop().unwrap();
    let callback = world.bank.callback_with_a_bad_item("good", "bad", &payment);
    for receipt in [Receipt::Stored("good".to_owned()), Receipt::Duplicate("good".to_owned())] {
        let received = world.gateway.receive(&callback).await;
        assert_eq!((received.reply.status.as_u16(), received.items), (200, vec![Receipt::Dead("bad".to_owned()), receipt]));
    }
    world.pass(3).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
    let dead = world.gateway.dead_letters(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].delivery_key.as_str(), &dead[0].name), (1, "bad", &None));
    assert!(world.gateway.replay("bad").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_long_after_it_was_settled_changes_nothing() {
    let (world, callback) = paid().await;
    world.pass(3600).await;
    let heard = world.ear.heard().len();
    assert_eq!(call(&world, posted(&callback, PATH)).await.0, 200);
    world.pass(60).await;
    assert_eq!((world.ear.heard().len(), world.payment("a").await.status), (heard, Status::Paid));
    world.pass(3600).await;
    assert_eq!(world.gateway.receive(&callback).await.items, [Receipt::Duplicate("ev-1".to_owned())]);
}
