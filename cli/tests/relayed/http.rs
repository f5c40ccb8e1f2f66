//! As much HTTP as the tests need: a client that posts, and a receiver that does as it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver as Line, Sender, channel};
use std::time::Duration;

/// Longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Posts; the status of the answer, or none if none came.
pub(crate) fn post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<u16> {
    let (address, path) = url.strip_prefix("http://")?.split_once('/')?;
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "POST /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len()).ok()?;
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n").ok()?;
    }
    stream.write_all(b"\r\n").ok()?;
    stream.write_all(body).ok()?;
    let mut first = String::new();
    BufReader::new(stream).read_line(&mut first).ok()?;
    first.split(' ').nth(1)?.parse().ok()
}

/// How a request is answered: the head's first line and more headers; none lets it hang until the sender goes away.
pub(crate) type Manners = dyn Fn(&Got) -> Option<&'static str> + Send + Sync;

/// Listens; what comes in can be taken in order.
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) got: Line<Got>,
}

impl Receiver {
    pub(crate) fn start(manners: impl Fn(&Got) -> Option<&'static str> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hooks?key=hush", listener.local_addr().unwrap());
        let (sender, got) = channel();
        let manners: Arc<Manners> = Arc::new(manners);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sender, manners) = (sender.clone(), Arc::clone(&manners));
                std::thread::spawn(move || converse(stream, &sender, &*manners));
            }
        });
        Self { url, got }
    }

    pub(crate) fn next(&self) -> Got {
        self.got.recv_timeout(PATIENCE).expect("nothing came in time")
    }
}

fn converse(stream: TcpStream, sender: &Sender<Got>, manners: &Manners) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(got) = read(&mut reader) {
        // Seen before it is answered: a sender that is killed between the two has been heard.
        if sender.send(got.clone()).is_err() {
            return;
        }
        let Some(answer) = manners(&got) else {
            // Until the other side closes.
            let _ = reader.read_to_end(&mut Vec::new());
            return;
        };
        if writer.write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Got> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Got { path, headers, body })
}
