//! What an error of reqwest proves about the request, and the one line that says so.

use std::error::Error;
use std::iter::successors;

use http::StatusCode;

use crate::transport::TransportError;

/// An error from before the head of the answer. Unsent only if there was never a connection to send on.
pub(super) fn sending(error: reqwest::Error) -> TransportError {
    if error.is_connect() {
        let what = if error.is_timeout() { "connecting took too long" } else { "no connection" };
        TransportError::Unsent(line(what, &error))
    } else if error.is_builder() {
        // reqwest makes these only while it puts the request together, before it looks for a connection.
        TransportError::Unsent(line("the request cannot be built", &error))
    } else {
        TransportError::Lost(broke_off("", &error))
    }
}

/// An error after the head of the answer: the provider has read the request.
pub(super) fn reading(status: StatusCode, error: reqwest::Error) -> TransportError {
    TransportError::Lost(broke_off(&format!("status {status}, then "), &error))
}

fn broke_off(before: &str, error: &reqwest::Error) -> String {
    let what = if error.is_timeout() { "the time was up" } else { "the connection broke off" };
    line(&format!("{before}{what}"), error)
}

/// `what`, and the causes as the layers below tell them. reqwest's own words are left out, because they repeat the address.
/// Cut to one line of bounded length, because a peer's words (names in its certificate) may be among them.
fn line(what: &str, error: &reqwest::Error) -> String {
    let mut line = what.to_owned();
    for cause in successors(error.source(), |&cause| cause.source()).filter(|cause| !cause.is::<reqwest::Error>()) {
        let cause = cause.to_string();
        if !line.ends_with(&cause) {
            line.push_str(": ");
            line.push_str(&cause);
        }
    }
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_LINE).collect()
}

const MAX_LINE: usize = 300;
