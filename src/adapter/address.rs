//! Where a provider is reached: the rule that every adapter's `base_url` keeps.

use http::Uri;

use crate::model::Invalid;

/// Whether a text is a provider's address: `https://host[:port]` and nothing else, or the same with `http` on a loopback address
/// if that is allowed, for a sandbox on this machine. The error names `base_url` and the rule.
pub fn check_base_url(text: &str, allow_http_loopback: bool) -> Result<(), Invalid> {
    const RULE: &str = "https://host[:port] without path, query or user (http only on loopback with allow_http_loopback)";
    let invalid = || Invalid::new("base_url", RULE);
    let uri: Uri = text.parse().map_err(|_| invalid())?;
    let authority = uri.authority().ok_or_else(invalid)?;
    let bare =
        matches!(uri.path(), "" | "/") && uri.query().is_none() && !authority.as_str().contains('@') && !text.contains('#');
    let loopback = matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]");
    match uri.scheme_str() {
        Some("https") if bare => Ok(()),
        Some("http") if bare && loopback && allow_http_loopback => Ok(()),
        _ => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_needs_loopback_and_consent() {
        for (url, allowed, fits) in [
            ("https://api.stripe.com", false, true),
            ("https://proxy.example:8443/", false, true),
            ("http://127.0.0.1:12111", true, true),
            ("http://[::1]:12111", true, true),
            ("http://127.0.0.1:12111", false, false),
            ("http://api.stripe.com", true, false),
            ("http://127.0.0.1.example.com", true, false),
            ("https://user:pass@api.stripe.com", false, false),
            ("https://api.stripe.com/v1", false, false),
            ("https://api.stripe.com?x=1", false, false),
            ("api.stripe.com", false, false),
        ] {
            assert_eq!(check_base_url(url, allowed).is_ok(), fits, "{url} {allowed}");
        }
    }
}
