//! A little HTTP/1.1 by hand: full control over the socket is what faults need.

use std::fmt::Write as _;
use std::io;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method};
use paysluice::adapter::{Reply, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HEAD_CAP: usize = 32 * 1024;
const BODY_CAP: usize = 1024 * 1024;

/// A connection that a client opened.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

/// A request with what HTTP itself says about it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) request: Request,
    pub(crate) keep_alive: bool,
}

/// Why no request was read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The client closed between two requests, or the socket failed.
    Gone,
    /// What came is no HTTP that is understood here: the status to say so with.
    Bad(u16),
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: BytesMut::with_capacity(4096) }
    }

    /// Reads the next request, whole.
    pub(crate) async fn read(&mut self) -> Result<Incoming, Unread> {
        let head = self.read_head().await?;
        let text = std::str::from_utf8(&head).map_err(|_| Unread::Bad(400))?;
        let (mut request, mut keep_alive) = parse_head(text).ok_or(Unread::Bad(400))?;
        let header =
            |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        match header("connection").as_str() {
            "close" => keep_alive = false,
            "keep-alive" => keep_alive = true,
            _ => {}
        }
        if header("expect") == "100-continue" {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let lengths = request.headers.get_all(http::header::CONTENT_LENGTH).iter().count();
        request.body = match header("transfer-encoding").as_str() {
            "" if lengths > 1 => return Err(Unread::Bad(400)),
            "" if lengths == 0 => Bytes::new(),
            "" => {
                let text = header("content-length");
                let digits = text.bytes().all(|byte| byte.is_ascii_digit());
                let length = text.parse().ok().filter(|_| digits).ok_or(Unread::Bad(400))?;
                self.take(length).await?
            }
            // Both together are how requests are smuggled.
            "chunked" if lengths == 0 => self.read_chunks().await?,
            _ => return Err(Unread::Bad(400)),
        };
        Ok(Incoming { request, keep_alive })
    }

    /// Reads an answer: its status, and the body as long as the head says, else to the end of the connection.
    async fn read_answer(&mut self) -> Result<(u16, Bytes), Unread> {
        let head = self.read_head().await?;
        let text = std::str::from_utf8(&head).map_err(|_| Unread::Bad(400))?;
        let mut lines = text.split("\r\n");
        let first = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")).and_then(|rest| rest.get(2..5));
        let status = first.and_then(|code| code.parse().ok()).ok_or(Unread::Bad(400))?;
        let headers: Vec<(String, &str)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
            .collect();
        let header = |name: &str| headers.iter().find(|(other, _)| other == name).map(|(_, value)| *value);
        let body = match (header("transfer-encoding"), header("content-length")) {
            _ if matches!(status, 204 | 304) => Bytes::new(),
            (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => self.read_chunks().await?,
            (_, Some(length)) => self.take(length.parse().map_err(|_| Unread::Bad(400))?).await?,
            _ => {
                while self.buffer.len() <= BODY_CAP && self.fill().await.is_ok() {}
                self.buffer.split().freeze()
            }
        };
        Ok((status, body))
    }

    /// The head without its empty line.
    async fn read_head(&mut self) -> Result<Bytes, Unread> {
        loop {
            while self.buffer.starts_with(b"\r\n") {
                self.buffer.advance(2);
            }
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.buffer.split_to(end).freeze();
                self.buffer.advance(4);
                return Ok(head);
            }
            if self.buffer.len() > HEAD_CAP {
                return Err(Unread::Bad(431));
            }
            self.fill().await?;
        }
    }

    async fn read_chunks(&mut self) -> Result<Bytes, Unread> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let hex = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
            let size = usize::from_str_radix(size, 16).ok().filter(|_| hex).ok_or(Unread::Bad(400))?;
            if size == 0 {
                // Trailers are read and dropped.
                while !self.line().await?.is_empty() {}
                return Ok(body.freeze());
            }
            if size > BODY_CAP || body.len() + size > BODY_CAP {
                return Err(Unread::Bad(413));
            }
            body.extend_from_slice(&self.take(size).await?);
            if !self.line().await?.is_empty() {
                return Err(Unread::Bad(400));
            }
        }
    }

    async fn line(&mut self) -> Result<String, Unread> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return String::from_utf8(line.to_vec()).map_err(|_| Unread::Bad(400));
            }
            if self.buffer.len() > HEAD_CAP {
                return Err(Unread::Bad(400));
            }
            self.fill().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Result<Bytes, Unread> {
        if length > BODY_CAP {
            return Err(Unread::Bad(413));
        }
        while self.buffer.len() < length {
            self.fill().await?;
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn fill(&mut self) -> Result<(), Unread> {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => Err(Unread::Gone),
            Ok(_) => Ok(()),
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Unread> {
        self.stream.write_all(bytes).await.map_err(|_| Unread::Gone)
    }

    /// Closes in order: what was written arrives.
    pub(crate) async fn finish(mut self) {
        let _ = self.stream.shutdown().await;
    }
}

/// Method, target and headers; whether the version keeps connections alive.
fn parse_head(text: &str) -> Option<(Request, bool)> {
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let method = Method::from_bytes(first.next()?.as_bytes()).ok()?;
    let target = first.next().filter(|target| target.starts_with('/') || target.starts_with("http://"))?;
    let keep_alive = match first.next()? {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return None,
    };
    let mut request = Request::new(method, target);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request.headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    first.next().is_none().then_some((request, keep_alive))
}

/// The head of an answer, with the length of the whole body.
pub(crate) fn head(reply: &Reply, keep_alive: bool) -> String {
    let mut head = format!("HTTP/1.1 {} {}\r\n", reply.status.as_u16(), reply.status.canonical_reason().unwrap_or("Unknown"));
    for (name, value) in &reply.headers {
        if let Ok(value) = value.to_str() {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    let connection = if keep_alive { "keep-alive" } else { "close" };
    let _ = write!(head, "content-length: {}\r\nconnection: {connection}\r\n\r\n", reply.body.len());
    head
}

/// `Date` for a unix time: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn date(unix: i64) -> String {
    let (days, second) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let weekday = usize::try_from(days.rem_euclid(7)).ok().and_then(|at| weekday.get(at)).unwrap_or(&"Thu");
    // Days to a civil date: H. Hinnant's algorithm, eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = usize::try_from(month - 1).ok().and_then(|at| names.get(at)).unwrap_or(&"Jan");
    format!("{weekday}, {day:02} {name} {year} {:02}:{:02}:{:02} GMT", second / 3600, second / 60 % 60, second % 60)
}

/// Posts a request to a plain HTTP address and reads status and body of the answer.
pub(crate) async fn post(request: &Request) -> io::Result<(u16, Bytes)> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
    let rest = request.url.strip_prefix("http://").ok_or_else(|| bad("callbacks go to plain http addresses only"))?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut head =
        format!("POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n", request.body.len());
    for (name, value) in &request.headers {
        let value = value.to_str().map_err(|_| bad("a header that is no text"))?;
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&request.body).await?;
    Connection::new(stream).read_answer().await.map_err(|_| bad("no HTTP answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_rfc() {
        assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(951_827_696), "Tue, 29 Feb 2000 12:34:56 GMT");
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn heads_that_are_no_http_are_refused() {
        assert!(parse_head("GET /v1/balance HTTP/1.1\r\nhost: a\r\nx: y").is_some());
        for bad in [
            "",
            "GET",
            "GET / HTTP/2",
            "GET x HTTP/1.1",
            "GET / HTTP/1.1 x",
            "GET / HTTP/1.1\r\nno colon",
            "GET / HTTP/1.1\r\na b: c",
        ] {
            assert!(parse_head(bad).is_none(), "{bad}");
        }
    }
}
