//! What a request is addressed to: path and query of its address.

/// Path and query of an absolute or relative address.
pub(crate) fn split(url: &str) -> (&str, &str) {
    let relative = of(url).split('#').next().unwrap_or_default();
    relative.split_once('?').unwrap_or((relative, ""))
}

/// An address without scheme and host: what stands in a request's first line.
pub(crate) fn of(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_fragment_are_no_part_of_the_target() {
        assert_eq!(split("https://api.example:8080/v3/a?b=c&d#e"), ("/v3/a", "b=c&d"));
        assert_eq!(split("/v1/x"), ("/v1/x", ""));
        assert_eq!(split("https://api.example"), ("/", ""));
    }
}
