//! Laws of callbacks: proved or refused, told under one key, nothing believed that no proof covers.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;

use super::Subject;
use super::garbage::{Garbage, flipped};
use crate::adapter::{Opened, Request, Trust};
use crate::model::{Error, ErrorKind};

/// A good callback is told, twice under the same key, from bytes that its proof covers.
pub fn a_good_callback_is_told_under_one_key(subject: &dyn Subject) {
    for request in subject.callbacks() {
        let keys = |opened: Opened| -> Vec<String> {
            let Opened::Items(items) = opened else { panic!("the subject grants everything") };
            items
                .into_iter()
                .map(|item| {
                    let event = item.verdict.unwrap_or_else(|error| panic!("a good callback was refused: {error}"));
                    assert!(!event.name().is_empty() && !event.covered().is_empty());
                    item.delivery_key
                })
                .collect()
        };
        let (one, two) = (keys(open(subject, &request).unwrap()), keys(open(subject, &request).unwrap()));
        assert_eq!(one, two);
        assert!(!one.is_empty(), "a good callback told nothing");
        for key in one {
            assert!((1..=200).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()), "delivery key {key:?}");
        }
        assert!(subject.adapter().callbacks().accepted().status.is_success());
        let refused = subject.adapter().callbacks().refused(&Error::new(ErrorKind::Unauthorized, "not proved"));
        assert!(!refused.body.windows(10).any(|words| words == b"not proved"), "the reason is told to the sender");
    }
}

/// An event that says to ask first comes from an adapter that can ask.
pub fn asking_first_needs_a_query(subject: &dyn Subject) {
    for request in subject.callbacks() {
        let Ok(Opened::Items(items)) = open(subject, &request) else { continue };
        let asks = items.iter().filter_map(|item| item.verdict.as_ref().ok()).any(|event| event.trust() == Trust::AskFirst);
        assert!(!asks || subject.adapter().query().is_some(), "AskFirst, and nobody to ask");
    }
}

/// One bit of the body, or of a header that proves it, turned over: refused.
pub fn one_flipped_bit_of_a_callback_is_refused(subject: &dyn Subject) {
    for request in subject.callbacks() {
        for bit in 0..request.body.len().saturating_mul(8) {
            let altered = Request { body: flipped(&request.body, bit).into(), ..request.clone() };
            if says_the_same(&request.body, bit) {
                continue;
            }
            assert_refused(subject, &altered, &format!("bit {bit} of the body"));
        }
        for name in subject.proving_headers() {
            let value = request.headers.get(name).unwrap_or_else(|| panic!("a good callback lacks header {name}")).clone();
            for bit in 0..value.len().saturating_mul(8) {
                // Values that HTTP itself forbids never get here.
                let Ok(value) = HeaderValue::from_bytes(&flipped(value.as_bytes(), bit)) else { continue };
                let mut altered = request.clone();
                altered.headers.insert(name, value);
                assert_refused(subject, &altered, &format!("bit {bit} of header {name}"));
            }
        }
    }
}

/// Whether the bit only turns a hex digit of a percent escape into the other case, `%2B` into `%2b`: the same message.
fn says_the_same(body: &[u8], bit: usize) -> bool {
    let at = bit / 8;
    let escaped = [1, 2].into_iter().any(|back| at.checked_sub(back).and_then(|at| body.get(at)) == Some(&b'%'));
    bit % 8 == 5 && escaped && body.get(at).is_some_and(u8::is_ascii_alphabetic)
}

/// Without one of its headers, or with one twice, it is refused.
pub fn a_callback_without_its_headers_is_refused(subject: &dyn Subject) {
    for request in subject.callbacks() {
        for name in subject.proving_headers() {
            let mut without = request.clone();
            let value = without.headers.remove(name);
            assert_refused(subject, &without, &format!("no header {name}"));
            let mut doubled = request.clone();
            doubled.headers.append(name, value.unwrap_or_else(|| panic!("a good callback lacks header {name}")));
            assert_refused(subject, &doubled, &format!("header {name} twice"));
        }
    }
}

/// Older or newer than the window: refused. Just inside, either way: told.
pub fn a_callback_of_another_hour_is_refused(subject: &dyn Subject) {
    let Some(window) = subject.callback_window() else { return };
    let beyond = window + Duration::from_secs(1);
    let now = subject.now();
    let at = |now| move |request: &Request| told(subject.adapter().callbacks().open(request, now, &subject.granted()));
    for request in subject.callbacks() {
        assert!(at(now + window)(&request) > 0 && at(now - window)(&request) > 0, "refused within the window");
        assert_eq!(at(now + beyond)(&request), 0, "an old callback was believed");
        assert_eq!(at(now - beyond)(&request), 0, "a callback from the future was believed");
    }
}

/// Any bytes, with the headers of a good callback or without: no panic, nothing told.
pub fn garbage_is_no_callback(subject: &dyn Subject) {
    let mut garbage = Garbage::new(3);
    for request in subject.callbacks() {
        for _ in 0..500 {
            let body = Bytes::from(garbage.bytes());
            assert_refused(subject, &Request { body: body.clone(), ..request.clone() }, "garbage");
            assert_refused(subject, &Request::new(request.method.clone(), request.url.clone()).with_body(body), "bare garbage");
            let mut headers = request.clone();
            for name in subject.proving_headers() {
                if let Ok(value) = HeaderValue::from_bytes(&garbage.bytes()) {
                    headers.headers.insert(name, value);
                    assert_refused(subject, &headers, "garbage in a header");
                }
            }
            let cut = garbage.cut(&request.body).to_vec();
            assert_refused(subject, &Request { body: cut.into(), ..request.clone() }, "cut off");
        }
    }
}

fn open(subject: &dyn Subject, request: &Request) -> Result<Opened, Error> {
    subject.adapter().callbacks().open(request, subject.now(), &subject.granted())
}

/// How many events are told.
fn told(opened: Result<Opened, Error>) -> usize {
    match opened {
        Ok(Opened::Items(items)) => items.iter().filter(|item| item.verdict.is_ok()).count(),
        Ok(Opened::Need(_)) | Err(_) => 0,
    }
}

fn assert_refused(subject: &dyn Subject, request: &Request, what: &str) {
    assert_eq!(told(open(subject, request)), 0, "believed with {what}");
}
