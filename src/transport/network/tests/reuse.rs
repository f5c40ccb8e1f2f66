//! Connections that are used again, and what happens when the provider closes them first.

use super::*;

#[tokio::test]
async fn calls_in_a_row_use_one_connection() {
    let mut server = Server::answering(OK).await;
    let transport = transport();
    for _ in 0..5 {
        assert_eq!(transport.clone().send(charge(server.url("/charge")), PLENTY).await.unwrap().body, "ok");
    }
    assert_eq!((server.seen().len(), server.connections()), (5, 1));
}

#[tokio::test]
async fn an_idle_connection_is_not_used_past_its_time() {
    let server = Server::answering(OK).await;
    let transport = with(|config| config.pool_idle_timeout = Some(Duration::from_nanos(1)));
    for _ in 0..3 {
        transport.send(charge(server.url("/charge")), PLENTY).await.unwrap();
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_charge_read_on_a_reused_connection_that_then_closes_is_lost_and_not_sent_again() {
    let mut server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.say(OK).await;
        wire.request().await;
    })
    .await;
    let transport = transport();
    transport.send(charge(server.url("/first")), PLENTY).await.unwrap();
    lost(transport.send(charge(server.url("/second")), PLENTY).await);
    assert_eq!((server.seen().len(), server.connections()), (2, 1));
}

#[tokio::test]
async fn a_charge_of_which_one_byte_was_read_on_a_reused_connection_is_lost_and_not_sent_again() {
    let mut server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.say(OK).await;
        wire.one_byte().await;
    })
    .await;
    let transport = transport();
    transport.send(charge(server.url("/first")), PLENTY).await.unwrap();
    lost(transport.send(charge(server.url("/second")), PLENTY).await);
    assert_eq!((server.seen().len(), server.connections()), (1, 1));
}

#[tokio::test]
async fn a_connection_that_the_provider_closed_while_idle_is_replaced() {
    let mut server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.say(OK).await;
        drop(wire.stream);
        wire.events.send("done".to_owned()).unwrap();
    })
    .await;
    let transport = transport();
    transport.send(charge(server.url("/first")), PLENTY).await.unwrap();
    server.next().await;
    assert_eq!(server.next().await, "done");
    // The client's side of the connection runs on this same thread: it sees the end before the next send is asked for.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    transport.send(charge(server.url("/second")), PLENTY).await.unwrap();
    assert_eq!(server.connections(), 2);
}

/// The race itself, on two threads: the provider closes while the next charge is being written, sometimes after having read
/// it. Whatever wins, no charge comes twice, and every answer is of a charge that came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charges_that_race_with_a_closing_connection_come_at_most_once() {
    let mut server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.say(OK).await;
        for _ in 0..wire.number % 8 {
            tokio::task::yield_now().await;
        }
        wire.glance();
    })
    .await;
    let transport = transport();
    let mut answered = Vec::new();
    for round in 0..400 {
        match transport.send(charge(server.url(&format!("/{round}"))), PLENTY).await {
            Ok(_) => answered.push(round),
            Err(TransportError::Lost(why)) => drop(discreet(why)),
            Err(TransportError::Unsent(why)) => panic!("the server was always there: {why}"),
        }
    }
    let seen = server.seen();
    let times = |round: &i32| seen.iter().filter(|seen| seen.starts_with(&format!("POST /{round}?"))).count();
    assert!((0..400).all(|round| times(&round) <= 1), "a charge came twice");
    assert!(answered.iter().all(|round| times(round) == 1), "an answer to a charge that never came");
    assert!(answered.len() >= 200, "every charge on a new connection is answered");
    println!("of 400: {} came, {} answered, {} connections", seen.len(), answered.len(), server.connections());
}
