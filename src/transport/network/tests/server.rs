//! A server on loopback that does to a connection exactly what a test says, and tells what it saw.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::env::Env;

/// No wait of a test is longer than this; none gets near it unless something is broken.
const PATIENCE: Duration = Duration::from_secs(4);

pub(super) struct Server {
    pub(super) address: SocketAddr,
    events: UnboundedReceiver<String>,
    connections: Arc<AtomicUsize>,
}

/// One connection, as the server holds it. Dropping it closes the connection.
pub(super) struct Wire<S = TcpStream> {
    pub(super) stream: S,
    /// Which connection of the server it is, from 1.
    pub(super) number: usize,
    pub(super) events: UnboundedSender<String>,
}

impl Server {
    /// Serves each connection with `serve`.
    pub(super) async fn start<F, T>(serve: F) -> Self
    where
        F: Fn(Wire) -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let (sender, events) = unbounded_channel();
        Env::system().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
                Env::system().spawn(serve(Wire { stream, number, events: sender.clone() }));
            }
        });
        Self { address, events, connections }
    }

    /// Answers every request of every connection with `answer`.
    pub(super) async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut wire| async move {
            while wire.request().await.is_some() {
                wire.say(answer).await;
            }
        })
        .await
    }

    /// Reads one request of each connection, says `answer` and closes.
    pub(super) async fn closing_after(answer: &'static str) -> Self {
        Self::start(move |mut wire| async move {
            wire.request().await;
            wire.say(answer).await;
        })
        .await
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The next thing the server saw: a request as it came, or what a test made it tell.
    pub(super) async fn next(&mut self) -> String {
        timeout(PATIENCE, self.events.recv()).await.expect("nothing came").expect("the server is gone")
    }

    /// All that the server saw and nobody asked for yet.
    pub(super) fn seen(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

impl Wire {
    /// Reads what has come of a request, without waiting, and tells of it if there is anything.
    pub(super) fn glance(&self) {
        let mut some = [0; 4096];
        if let Ok(count @ 1..) = self.stream.try_read(&mut some) {
            self.tell(&String::from_utf8_lossy(&some[..count]));
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Reads one whole request and tells of it; `None` if the client closes first.
    pub(super) async fn request(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && body.len() >= length(head)
            {
                self.tell(&text);
                return Some(text);
            }
            let mut some = [0; 4096];
            match self.stream.read(&mut some).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => bytes.extend_from_slice(&some[..count]),
            }
        }
    }

    /// Reads one byte of a request, so that closing the connection now resets it.
    pub(super) async fn one_byte(&mut self) {
        let _ = self.stream.read_u8().await;
    }

    pub(super) async fn say(&mut self, answer: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(answer.as_ref()).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Waits until the client closes, and tells `closed`.
    pub(super) async fn closed(&mut self) {
        let mut some = [0; 4096];
        while self.stream.read(&mut some).await.is_ok_and(|count| count > 0) {}
        self.tell("closed");
    }

    pub(super) fn tell(&self, event: &str) {
        let _ = self.events.send(event.to_owned());
    }
}

fn length(head: &str) -> usize {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().unwrap())
}
