//! Serves the sandbox on a port of the loopback and prints what a client needs: `cargo run -p paysluice-sandbox --example serve`.

use std::error::Error;

use paysluice::env::Env;
use paysluice_sandbox::{Sandbox, SandboxConfig};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::new(Env::system(), SandboxConfig::default());
    let handle = sandbox.serve(TcpListener::bind("127.0.0.1:12111").await?)?;
    let credentials = sandbox.credentials();
    let shown = |secret: &paysluice::model::Secret| secret.expose_str().unwrap_or_default().to_owned();
    println!("{}", handle.url());
    println!("secret key      {}", shown(&credentials.secret_key));
    println!("webhook secret  {}", shown(&credentials.webhook_secret));
    std::future::pending().await
}
