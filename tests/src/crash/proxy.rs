//! A TCP proxy that can cut, swallow answers, stall and refuse: the network between workers, bank and databases.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paysluice::env::Env;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the network is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Weather {
    /// Everything passes.
    #[default]
    Fair,
    /// Questions pass; the first answer on a connection is swallowed with the connection.
    Deaf,
    /// Nothing passes, and nothing is lost: it comes later.
    Stall,
    /// Nobody listens; what was connected is cut.
    Refuse,
}

/// A proxy before one server or several in turn. Its tasks end with the runtime.
#[derive(Clone, Debug)]
pub struct Proxy(Arc<State>);

#[derive(Debug)]
struct State {
    here: SocketAddr,
    targets: Mutex<Vec<Option<SocketAddr>>>,
    turn: AtomicUsize,
    weather: watch::Sender<Weather>,
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// Listens on a port of the loopback.
    pub async fn to(env: &Env, targets: Vec<Option<SocketAddr>>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let state = State {
            here: listener.local_addr()?,
            targets: Mutex::new(targets),
            turn: AtomicUsize::new(0),
            weather: watch::channel(Weather::Fair).0,
            cuts: watch::channel(0).0,
        };
        let proxy = Self(Arc::new(state));
        env.spawn(accept(env.clone(), proxy.0.clone(), listener));
        Ok(proxy)
    }

    /// Where it listens.
    pub fn here(&self) -> SocketAddr {
        self.0.here
    }

    /// Changes where one of its targets is, or says that it is gone.
    pub fn aim(&self, place: usize, target: Option<SocketAddr>) {
        let mut targets = self.0.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = targets.get_mut(place) {
            *at = target;
        }
    }

    /// Lets the weather change, for whoever is connected too.
    pub fn set(&self, weather: Weather) {
        self.0.weather.send_replace(weather);
        if weather == Weather::Refuse {
            self.cut();
        }
    }

    /// Cuts every connection, in the midst of whatever it carries.
    pub fn cut(&self) {
        self.0.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl State {
    fn next(&self) -> Option<SocketAddr> {
        let targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let there: Vec<SocketAddr> = targets.iter().flatten().copied().collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        there.get(turn.checked_rem(there.len())?).copied()
    }
}

async fn accept(env: Env, state: Arc<State>, listener: TcpListener) {
    let mut weather = state.weather.subscribe();
    let mut open = Some(listener);
    loop {
        if *weather.borrow_and_update() == Weather::Refuse {
            open = None;
            if weather.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(listener) = &open else {
            open = TcpListener::bind(state.here).await.ok();
            if open.is_none() {
                env.sleep(Duration::from_millis(10)).await;
            }
            continue;
        };
        tokio::select! {
            changed = weather.changed() => if changed.is_err() { return },
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => env.spawn(carry(state.clone(), client)),
                Err(_) => env.sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

async fn carry(state: Arc<State>, client: TcpStream) {
    let mut cuts = state.cuts.subscribe();
    let Some(target) = state.next() else { return };
    let Ok(server) = TcpStream::connect(target).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        _ = cuts.changed() => {}
        () = pump(from_client, to_server, state.weather.subscribe(), false) => {}
        () = pump(from_server, to_client, state.weather.subscribe(), true) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut weather: watch::Receiver<Weather>, answers: bool) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        loop {
            let now = *weather.borrow_and_update();
            match now {
                Weather::Deaf if answers => return,
                Weather::Fair | Weather::Refuse | Weather::Deaf => break,
                Weather::Stall if weather.changed().await.is_err() => return,
                Weather::Stall => {}
            }
        }
        if to.write_all(buffer.get(..count).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a word and hears its echo, or how the connection ended.
    async fn echo(proxy: &Proxy, word: &str) -> Result<String, String> {
        let mut stream = TcpStream::connect(proxy.here()).await.map_err(|_| "refused".to_owned())?;
        let _ = stream.write_all(word.as_bytes()).await;
        let mut heard = vec![0; 64];
        match tokio::time::timeout(Duration::from_millis(300), stream.read(&mut heard)).await {
            Ok(Ok(count @ 1..)) => Ok(String::from_utf8_lossy(&heard[..count]).into_owned()),
            Ok(_) => Err("cut".to_owned()),
            Err(_) => Err("silence".to_owned()),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_weather_does_what_it_says_and_passes() {
        let env = Env::system();
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = server.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = heard.clone();
        env.spawn(async move {
            while let Ok((mut stream, _)) = server.accept().await {
                let mut word = vec![0; 64];
                let count = stream.read(&mut word).await.unwrap_or(0);
                ear.lock().unwrap().push(String::from_utf8_lossy(&word[..count]).into_owned());
                let _ = stream.write_all(&word[..count]).await;
            }
        });
        let proxy = Proxy::to(&env, vec![None, Some(target)]).await.unwrap();
        for (weather, outcome) in [
            (Weather::Fair, Ok("a".to_owned())),
            (Weather::Refuse, Err("refused".to_owned())),
            (Weather::Deaf, Err("cut".to_owned())),
            (Weather::Stall, Err("silence".to_owned())),
        ] {
            proxy.set(weather);
            env.sleep(Duration::from_millis(50)).await;
            assert_eq!(echo(&proxy, "a").await, outcome, "{weather:?}");
            proxy.set(Weather::Fair);
            env.sleep(Duration::from_millis(50)).await;
            assert_eq!(echo(&proxy, "b").await, Ok("b".to_owned()), "after {weather:?}");
        }
        let times = heard.lock().unwrap().iter().filter(|word| *word == "a").count();
        assert_eq!(times, 3, "at once when it was fair, unanswered when it was deaf, late when it stalled");
        proxy.aim(1, None);
        assert_eq!(echo(&proxy, "c").await, Err("cut".to_owned()));
    }
}
