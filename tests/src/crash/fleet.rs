//! The workers' processes: started, killed, stopped, and never left behind.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Fault;
use super::journal::Note;
use super::proxy::Proxy;
use super::worker::Brief;

/// A fact, and who wrote it down: which worker, in which life.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) worker: usize,
    pub(super) life: u32,
    pub(super) note: Note,
}

/// The workers of a run. Dropped, it ends them.
#[derive(Debug)]
pub(super) struct Fleet {
    program: PathBuf,
    brief: Brief,
    front: Proxy,
    posts: Mutex<Vec<Post>>,
    facts: Arc<Mutex<Vec<Fact>>>,
}

#[derive(Debug, Default)]
struct Post {
    life: u32,
    running: Option<(Child, ChildStdin)>,
}

impl Fleet {
    /// Nobody yet; `brief` is what all have in common.
    pub(super) fn new(program: PathBuf, brief: Brief, front: Proxy) -> Self {
        let posts = (0..=brief.workers).map(|_| Post::default()).collect();
        Self { program, brief, front, posts: Mutex::new(posts), facts: Arc::default() }
    }

    /// Starts a worker; the one after the last brings all orders to their end.
    pub(super) fn start(&self, worker: usize) -> Result<(), Fault> {
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(post) = posts.get_mut(worker).filter(|post| post.running.is_none()) else { return Ok(()) };
        post.life += 1;
        let brief = Brief { worker, life: post.life, closes: worker == self.brief.workers, ..self.brief.clone() };
        let mut child = Command::new(&self.program).arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a worker without pipes".into());
        };
        post.running = Some((child, {
            writeln!(input, "{}", serde_json::to_string(&brief)?)?;
            input
        }));
        let (facts, front, life) = (Arc::clone(&self.facts), self.front.clone(), brief.life);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // The last line of a life may have been cut off in its midst.
                let Ok(note) = serde_json::from_str::<Note>(&line) else { continue };
                if let Note::Ready(port) = note {
                    front.aim(worker, Some(SocketAddr::from(([127, 0, 0, 1], port))));
                }
                facts.lock().unwrap_or_else(PoisonError::into_inner).push(Fact { worker, life, note });
            }
        });
        Ok(())
    }

    /// Kills a worker (SIGKILL).
    pub(super) fn kill(&self, worker: usize) {
        self.front.aim(worker, None);
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((mut child, _)) = posts.get_mut(worker).and_then(|post| post.running.take()) {
            let _ = child.kill().and_then(|()| child.wait().map(drop));
        }
    }

    /// Stops a worker (SIGSTOP) for that time. It goes on (SIGCONT) even if this process ends meanwhile.
    pub(super) fn pause(&self, worker: usize, time: Duration) {
        let posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = posts.get(worker).and_then(|post| post.running.as_ref()).map(|(child, _)| child.id());
        drop(posts);
        let Some(pid) = pid else { return };
        let script = format!("trap '' INT TERM HUP; kill -STOP {pid}; sleep {}; kill -CONT {pid}", time.as_secs_f32());
        let paused = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).stderr(Stdio::null()).status();
        drop(paused);
    }

    /// Tells all workers to begin nothing more (`rest`), or to end (`end`).
    pub(super) fn say(&self, word: &str) {
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, input) in posts.iter_mut().filter_map(|post| post.running.as_mut()) {
            let _ = writeln!(input, "{word}");
        }
    }

    /// Those who have ended though nobody told them to.
    pub(super) fn fallen(&self) -> Vec<usize> {
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        let ended =
            |post: &mut Post| post.running.as_mut().is_some_and(|(child, _)| child.try_wait().is_ok_and(|end| end.is_some()));
        posts.iter_mut().enumerate().filter_map(|(worker, post)| ended(post).then_some(worker)).collect()
    }

    /// All that was written down so far.
    pub(super) fn facts(&self) -> Vec<Fact> {
        self.facts_from(0)
    }

    /// All that was written down so far after that many.
    pub(super) fn facts_from(&self, read: usize) -> Vec<Fact> {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        facts.get(read..).unwrap_or_default().to_vec()
    }

    /// Whether somebody wrote that down.
    pub(super) fn has_noted(&self, wanted: &Note) -> bool {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|fact| fact.note == *wanted)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        (0..=self.brief.workers).for_each(|worker| self.kill(worker));
    }
}
