//! The tests of faults on command.

use super::*;

#[test]
fn a_script_is_used_up_by_the_requests_in_its_scope() {
    let faults = Faults::default();
    faults.script_in(Scope::matching("POST", "/v1/payment_intents/*/confirm"), [Fault::CloseAfter]);
    faults.script_in(Scope::Changing, [Fault::Refuse]);
    assert_eq!(faults.of_request("GET", "/v1/payment_intents/pi/confirm"), Fault::Pass);
    assert_eq!(faults.of_request("POST", "/v1/payment_intents/pi/confirm"), Fault::CloseAfter);
    assert_eq!(faults.of_request("POST", "/v1/payment_intents/pi/confirm"), Fault::Refuse);
    assert_eq!(faults.of_request("POST", "/v1/payment_intents/pi/confirm"), Fault::Pass);
    assert_eq!((faults.pending(), faults.drawn().len()), (0, 2));
}

#[test]
fn patterns_match_whole_paths() {
    assert!(path_fits("/v1/refunds", "/v1/refunds") && !path_fits("/v1/refunds", "/v1/refunds/re_1"));
    assert!(path_fits("/v1/**", "/v1/refunds/re_1") && path_fits("/v1/refunds/**", "/v1/refunds"));
    assert!(!path_fits("/v1/*/confirm", "/v1/payment_intents/pi/confirm"));
}

#[test]
fn the_same_seed_draws_the_same_faults_near_their_share() {
    let run = |seed| {
        let faults = Faults::default();
        faults.random(seed, FaultTable::storm());
        let requests: Vec<Fault> = (0..2000).map(|_| faults.of_request("POST", "/v1/x")).collect();
        (requests, (0..2000).map(|_| faults.of_callback()).collect::<Vec<_>>())
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
    let bad = run(7).0.iter().filter(|fault| **fault != Fault::Pass).count();
    assert!((300..500).contains(&bad), "{bad} of 2000");
}

#[test]
fn the_oldest_table_in_scope_is_drawn_from_and_a_new_one_of_its_scope_takes_its_place() {
    let faults = Faults::default();
    let table = |path: &str, fault| {
        let scope = Scope::Matching { method: None, path: path.to_owned() };
        FaultTable { scope, requests: vec![(fault, 1000)], callbacks: Vec::new() }
    };
    faults.random(1, table("/v3/refunds", Fault::CloseAfter));
    faults.random(1, table("/v3/**", Fault::Refuse));
    let met = |path| faults.of_request("POST", path);
    assert_eq!((met("/v3/refunds"), met("/v3/x"), met("/v1/x")), (Fault::CloseAfter, Fault::Refuse, Fault::Pass));
    faults.random(1, table("/v3/refunds", Fault::Garbage));
    faults.random(1, FaultTable { callbacks: vec![(CallbackFault::Missing, 1000)], ..FaultTable::default() });
    assert_eq!((met("/v3/refunds"), met("/v1/x"), faults.of_callback()), (Fault::Garbage, Fault::Pass, CallbackFault::Missing));
}

#[test]
fn faults_have_names_in_json() {
    let json = r#"[{"fault":"slow","by_ms":5},{"fault":"too_many","retry_after_s":2},{"fault":"close_after"}]"#;
    let faults: Vec<Fault> = serde_json::from_str(json).unwrap();
    assert_eq!(faults, [Fault::Slow { by_ms: 5 }, Fault::TooMany { retry_after_s: 2 }, Fault::CloseAfter]);
    assert_eq!(serde_json::to_string(&faults).unwrap(), json);
}
