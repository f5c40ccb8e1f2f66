//! Scripts that the server runs whole: called by their digest, so that the text travels once.

use redis::{Cmd, ToRedisArgs, cmd};

/// One script. All its keys carry one hash tag, so that it runs on a cluster too.
#[derive(Debug)]
pub(crate) struct Script {
    text: &'static str,
    digest: String,
}

/// What a script is called with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    keys: Vec<Vec<u8>>,
    args: Vec<Vec<u8>>,
}

impl Script {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text, digest: redis::Script::new(text).get_hash().to_owned() }
    }

    pub(crate) fn by_digest(&self, call: &Call) -> Cmd {
        call.command("EVALSHA", &self.digest)
    }

    pub(crate) fn by_text(&self, call: &Call) -> Cmd {
        call.command("EVAL", self.text)
    }
}

impl Call {
    pub(crate) fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.keys.push(key.into());
        self
    }

    pub(crate) fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        self.args.extend(arg.to_redis_args());
        self
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.args);
        command
    }
}
