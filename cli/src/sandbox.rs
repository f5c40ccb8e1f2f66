//! Serves the toy bank, and prints what a gateway needs to reach it.

use std::io::{self, Write};
use std::process::ExitCode;

use paysluice::env::Env;
use paysluice_sandbox::{FaultTable, Sandbox, SandboxConfig, WechatPayConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::args::SandboxAsk;

/// Serves until it is interrupted.
pub(crate) async fn run(env: Env, ask: SandboxAsk, as_json: bool) -> Result<ExitCode, String> {
    if !ask.stripe.ip().is_loopback() {
        return Err("--stripe: must be an address of this machine alone (127.0.0.1 or ::1): its keys are no secret".to_owned());
    }
    let listener = TcpListener::bind(ask.stripe).await;
    let listener = listener.map_err(|error| format!("--stripe: must be a free address: {} ({error})", ask.stripe))?;
    let wechatpay = WechatPayConfig { allow_http_loopback: true, ..WechatPayConfig::default() };
    let sandbox = Sandbox::new(env, SandboxConfig { seed: ask.seed, wechatpay, ..SandboxConfig::default() });
    let server = sandbox.serve(listener).map_err(|error| format!("the sandbox cannot be served ({error})"))?;
    if let Some(url) = &ask.callbacks {
        sandbox.callbacks().to_url(url);
    }
    if ask.storm {
        sandbox.faults().random(ask.seed, FaultTable::storm());
    }
    introduce(&sandbox, &server.url(), as_json).map_err(|error| format!("the credentials could not be written ({error})"))?;
    let interrupted = tokio::signal::ctrl_c().await;
    interrupted.map_err(|error| format!("an interrupt cannot be waited for ({error})"))?;
    Ok(ExitCode::SUCCESS)
}

/// What a client of Alipay's face needs, in either mode.
fn alipay(sandbox: &Sandbox, url: &str) -> Value {
    let face = sandbox.alipay().credentials();
    json!({
        "base_url": url, "account": format!("alipay:test:{}", face.app_id), "seller_id": face.seller_id,
        "app_private_key": face.app_private_key.expose_str(), "alipay_public_key": face.alipay_public_key,
        "app_certificate": face.app_certificate, "alipay_certificate": face.alipay_certificate,
        "alipay_root_certificates": face.alipay_root_certificates,
        "app_auth_token": face.app_auth_token.expose_str(), "authorized_seller_id": face.authorized_seller_id,
    })
}

/// What a client of UnionPay's face needs.
fn unionpay(sandbox: &Sandbox, url: &str) -> Value {
    let face = sandbox.unionpay().credentials();
    json!({
        "base_url": url, "account": format!("unionpay:test:{}", face.mer_id), "cert_id": face.cert_id,
        "sign_key": face.merchant_private_key.expose_str(), "sign_certificate": face.merchant_certificate,
        "root_certificate": face.root_certificate, "middle_certificate": face.middle_certificate,
    })
}

fn introduce(sandbox: &Sandbox, url: &str, as_json: bool) -> io::Result<()> {
    let credentials = sandbox.credentials();
    let (key, secret) = (credentials.secret_key.expose_str(), credentials.webhook_secret.expose_str());
    let (key, secret, account) = (key.unwrap_or_default(), secret.unwrap_or_default(), &credentials.account);
    let mut out = io::stdout().lock();
    if as_json {
        let stripe =
            json!({"base_url": url, "account": format!("stripe:test:{account}"), "secret_key": key, "webhook_secret": secret});
        let face = sandbox.wechatpay().credentials();
        let wechatpay = json!({
            "base_url": url, "account": format!("wechatpay:test:{}", face.mchid), "appid": face.appid,
            "merchant_serial": face.merchant_serial, "merchant_certificate": face.merchant_certificate,
            "merchant_private_key": face.merchant_private_key.expose_str(), "api_v3_key": face.api_v3_key.expose_str(),
            "public_key": {"id": face.public_key_id, "pem": face.public_key},
        });
        let faces = json!({
            "stripe": stripe, "wechatpay": wechatpay, "alipay": alipay(sandbox, url), "unionpay": unionpay(sandbox, url),
            "control": format!("{url}/sandbox/"),
        });
        writeln!(out, "{faces}")?;
        return out.flush();
    }
    writeln!(
        out,
        "The sandbox serves Stripe's face, WeChat Pay's, Alipay's and UnionPay's at {url}; faults, ledger and payers under {url}/sandbox/.\n\
         Test credentials, good for nothing else:\n\n\
         export SANDBOX_SECRET_KEY={key}\n\
         export SANDBOX_WEBHOOK_SECRET={secret}\n\n\
         and in paysluice.toml:\n\n\
         [gateways.sandbox]\n\
         provider = \"stripe\"\n\
         account = \"stripe:test:{account}\"\n\
         base_url = \"{url}\"\n\
         allow_http_loopback = true\n\
         secret_key_env = \"SANDBOX_SECRET_KEY\"\n\
         webhook_secret_env = \"SANDBOX_WEBHOOK_SECRET\"\n\n\
         The others' credentials: the same command with --json.\n\n\
         Interrupt to stop."
    )?;
    out.flush()
}
