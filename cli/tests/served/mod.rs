//! The command in a folder of its own, and a sandbox that it serves.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub(crate) fn paysluice(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paysluice"));
    command.current_dir(folder).env_remove("STRIPE_KEY").stdin(Stdio::null());
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", text(&output.stdout), text(&output.stderr)))
}

/// A running sandbox; gone with the value.
pub(crate) struct Served(Child, Value);

impl Served {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut child =
            paysluice(folder).args(["--json", "sandbox", "--stripe", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child, serde_json::from_str(&line).unwrap())
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        self.said("base_url")
    }

    pub(crate) fn said(&self, name: &str) -> &str {
        self.1["stripe"][name].as_str().unwrap()
    }

    /// What it said of WeChat Pay's face.
    pub(crate) fn wechatpay(&self, name: &str) -> &str {
        self.1["wechatpay"][name].as_str().unwrap()
    }

    /// Writes a configuration that reaches it, and its secrets in files beside.
    pub(crate) fn configure(&self, folder: &Path) {
        std::fs::write(folder.join("key"), format!("{}\n", self.said("secret_key"))).unwrap();
        std::fs::write(folder.join("rest"), "0f".repeat(32)).unwrap();
        let text = format!(
            "[store]\nurl = \"sqlite:pay.db\"\n[at_rest]\nkey_id = \"k1\"\nkey_file = \"rest\"\n[gateways.shop]\nprovider = \"stripe\"\n\
             account = \"{}\"\nbase_url = \"{}\"\nallow_http_loopback = true\nsecret_key_file = \"key\"\n",
            self.said("account"),
            self.said("base_url")
        );
        std::fs::write(folder.join("paysluice.toml"), text).unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
