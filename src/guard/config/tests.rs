//! What the settings accept and how they refuse.

use super::*;

#[test]
fn nothing_set_is_the_default_and_it_is_valid() {
    let config: GuardsConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(config, GuardsConfig::default());
    config.validate().unwrap();
}

#[test]
fn what_is_written_is_read_back() {
    let text = serde_json::to_string(&GuardsConfig::default()).unwrap();
    assert_eq!(serde_json::from_str::<GuardsConfig>(&text).unwrap(), GuardsConfig::default());
}

#[test]
fn people_write_durations_and_rates() {
    let text = r#"{"timeout":{"send":"20s"},"rate":{"account":null,"return":"600/m"},"bulkhead":{"return":3}}"#;
    let config: GuardsConfig = serde_json::from_str(text).unwrap();
    assert_eq!(config.timeout.send, Duration::from_secs(20));
    assert_eq!(config.rate.account, None);
    assert_eq!(config.rate.give_back.unwrap().to_string(), "600/m");
    assert_eq!(config.bulkhead.give_back, 3);
}

#[test]
fn an_error_names_the_field_and_the_rule() {
    let cases = [
        (r#"{"timeout":{"send":"20"}}"#, "timeout.send: must be a duration"),
        (r#"{"timeout":{"send":20}}"#, "timeout.send: must be a duration"),
        (r#"{"rate":{"charge":"0/s"}}"#, "rate.charge: must be a rate"),
        (r#"{"rate":{"chrage":"1/s"}}"#, "unknown field `chrage`"),
    ];
    for (text, expected) in cases {
        let error = serde_json::from_str::<GuardsConfig>(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn rules_across_fields_are_checked() {
    let wrong = |change: fn(&mut GuardsConfig)| {
        let mut config = GuardsConfig::default();
        change(&mut config);
        config.validate().unwrap_err().field().to_owned()
    };
    assert_eq!(wrong(|c| c.timeout.query = Duration::ZERO), "timeout.query");
    assert_eq!(wrong(|c| c.breaker.open_max = Duration::from_secs(1)), "breaker.open_max");
    assert_eq!(wrong(|c| c.breaker.success_per_mille = 1001), "breaker.success_per_mille");
    assert_eq!(wrong(|c| c.bulkhead.resolve = 0), "bulkhead.resolve");
    assert_eq!(wrong(|c| c.backoff.base = Duration::from_secs(21)), "backoff.base");
    assert_eq!(wrong(|c| c.rate.burst = 0), "rate.burst");
}
