//! The sandbox as a real HTTP server, whose faults happen on the socket.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paysluice::adapter::Reply;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::fault::Fault;
use crate::http1::{Connection, Unread, head};
use crate::{Exchange, Sandbox, control, fault};

const CONNECTIONS: usize = 1024;
const IDLE: Duration = Duration::from_secs(75);
const DRIPS: u32 = 20;

/// A running server. It stops when the handle is dropped.
#[derive(Debug)]
pub struct ServerHandle {
    address: SocketAddr,
    sandbox: Sandbox,
    stop: Mutex<Option<watch::Sender<bool>>>,
}

impl Sandbox {
    /// Serves on a listener until the handle is stopped or dropped. Hosted pages are found at its address from now on.
    ///
    /// The sandbox must live in a world on the real clock ([`paysluice::env::Env::system`]).
    pub fn serve(&self, listener: TcpListener) -> io::Result<ServerHandle> {
        let address = listener.local_addr()?;
        self.set_public_url(format!("http://{address}"));
        let handle = ServerHandle { address, sandbox: self.clone(), stop: Mutex::new(None) };
        handle.start(listener);
        Ok(handle)
    }
}

impl ServerHandle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base of its addresses: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the port and every connection: new ones are refused, for real.
    pub fn down(&self) {
        *self.running() = None;
    }

    /// Listens again on the same port after [`down`](Self::down).
    pub async fn up(&self) -> io::Result<()> {
        self.down();
        // The old listener is closed by its task, a moment after it is told to.
        let mut tries = 0;
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(error) if tries == 50 => return Err(error),
                Err(_) => self.sandbox.env().sleep(Duration::from_millis(10)).await,
            }
            tries += 1;
        };
        self.start(listener);
        Ok(())
    }

    fn start(&self, listener: TcpListener) {
        let (stop, stopped) = watch::channel(false);
        *self.running() = Some(stop);
        self.sandbox.env().spawn(accept(self.sandbox.clone(), listener, stopped));
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<watch::Sender<bool>>> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(sandbox: Sandbox, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let stream = tokio::select! {
            biased;
            _ = stopped.changed() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = stream else {
            // Out of descriptors, most likely: wait a little for some to come back.
            sandbox.env().sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (connected, mut stopped) = (sandbox.clone(), stopped.clone());
        sandbox.env().spawn(async move {
            tokio::select! {
                biased;
                _ = stopped.changed() => {}
                () = converse(connected, stream) => {}
            }
            drop(permit);
        });
    }
}

/// One connection, request after request.
async fn converse(sandbox: Sandbox, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut connection = Connection::new(stream);
    loop {
        let read = tokio::select! {
            biased;
            read = connection.read() => read,
            () = sandbox.env().sleep(IDLE) => return,
        };
        let incoming = match read {
            Ok(incoming) => incoming,
            Err(Unread::Gone) => return,
            Err(Unread::Bad(status)) => {
                let reply = Reply::new(http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_REQUEST), "");
                let _ = connection.write(head(&reply, false).as_bytes()).await;
                return connection.finish().await;
            }
        };
        if let Some(reply) = control::answer(&sandbox, &incoming.request) {
            if whole(&mut connection, &reply, incoming.keep_alive).await.is_err() {
                return;
            }
        } else {
            let fault = sandbox.fault_for(&incoming.request);
            let shown = sandbox.arrive(&incoming.request, fault);
            if show(&sandbox, &mut connection, shown, fault, incoming.keep_alive).await.is_err() {
                return;
            }
        }
        if !incoming.keep_alive {
            return connection.finish().await;
        }
    }
}

/// Lets the wire show what it is to show; an error ends the connection.
async fn show(
    sandbox: &Sandbox,
    connection: &mut Connection,
    shown: Exchange,
    fault: Fault,
    keep_alive: bool,
) -> Result<(), Unread> {
    match shown {
        Exchange::Closed(after) => {
            sandbox.env().sleep(after).await;
            Err(Unread::Gone)
        }
        Exchange::Cut(reply, after) => {
            sandbox.env().sleep(after).await;
            connection.write(head(&reply, keep_alive).as_bytes()).await?;
            connection.write(reply.body.get(..reply.body.len() / 2).unwrap_or_default()).await?;
            Err(Unread::Gone)
        }
        Exchange::Whole(reply, _) if matches!(fault, Fault::Slow { .. }) => {
            drip(sandbox, connection, &reply, fault, keep_alive).await
        }
        Exchange::Whole(reply, after) => {
            sandbox.env().sleep(after).await;
            whole(connection, &reply, keep_alive).await
        }
    }
}

/// Writes head and body in one go, so that small answers are one packet.
async fn whole(connection: &mut Connection, reply: &Reply, keep_alive: bool) -> Result<(), Unread> {
    let mut bytes = head(reply, keep_alive).into_bytes();
    bytes.extend_from_slice(&reply.body);
    connection.write(&bytes).await
}

/// The head at once, then the body drop by drop.
async fn drip(
    sandbox: &Sandbox,
    connection: &mut Connection,
    reply: &Reply,
    fault: Fault,
    keep_alive: bool,
) -> Result<(), Unread> {
    let Fault::Slow { by_ms } = fault else { return Ok(()) };
    let pause = fault::ms(by_ms) / DRIPS;
    connection.write(head(reply, keep_alive).as_bytes()).await?;
    let drop = reply.body.len() / usize::try_from(DRIPS).unwrap_or(1) + 1;
    let mut rest = reply.body.clone();
    for _ in 0..DRIPS {
        sandbox.env().sleep(pause).await;
        let piece = rest.split_to(drop.min(rest.len()));
        connection.write(&piece).await?;
    }
    Ok(())
}
