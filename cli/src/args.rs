//! The words of the command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use paysluice::model::text;
use paysluice::model::{AttemptNo, CaptureNo, Money, OrderNo, RefundNo};

use crate::operator::args::{AbandonAsk, AdoptAsk, NowAsk, PauseAsk, SettleAsk, StoreAsk};

/// Payments that are charged at most once, from the command line.
///
/// Exit status of an operation: 0 done; 1 wrong usage or configuration; 2 not applied; 3 unknown, being resolved; 4 applied, with
/// an error to read.
#[derive(Debug, Parser)]
#[command(name = "paysluice", version, propagate_version = true)]
pub(crate) struct Args {
    /// The file that names gateways, store and key.
    #[arg(long, global = true, default_value = "paysluice.toml", value_name = "PATH")]
    pub(crate) config: PathBuf,
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say on stderr what the gateway tells: every change, and what brought it to light.
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take payments through a faulty network and count the money.
    Demo(DemoAsk),
    /// Serve the toy bank, with test credentials.
    Sandbox(SandboxAsk),
    /// Take or reserve an order's money.
    Charge(ChargeAsk),
    /// Go on after the payer has acted.
    Confirm(ConfirmAsk),
    /// Take reserved money.
    Capture(CaptureAsk),
    /// End a payment before money is taken.
    Cancel(Target),
    /// Undo whatever happened: cancel, or give all of it back.
    Reverse(ReverseAsk),
    /// Give money back.
    Refund(RefundAsk),
    /// Ask the provider how a payment stands.
    Query(Target),
    /// Ask the provider how a refund stands.
    QueryRefund(ReverseAsk),
    /// Check keys, certificates, clock, network, store and callback settings, and say how to mend what is wrong.
    ///
    /// Exit status: 0 nothing is bad; 1 something is.
    Doctor(DoctorAsk),
    /// Callbacks: verify them, or receive and forward them.
    #[command(subcommand)]
    Callback(CallbackAsk),
    /// The store: orders, everything unfinished, dead callbacks, what was changed by hand.
    #[command(subcommand)]
    Store(StoreAsk),
    /// Say what became of an operation in doubt. The provider is asked first, where it can be.
    Settle(SettleAsk),
    /// Look at everything unfinished of an order now, and show what came of it. Exit status 3: something is still in doubt.
    ResolveNow(NowAsk),
    /// Give a charge in doubt up on your word alone: it counts as not applied, and the order can be charged again.
    Abandon(AbandonAsk),
    /// Take over a payment that was made elsewhere, by the provider's id of it.
    Adopt(AdoptAsk),
    /// Refuse charges, confirms and captures of a gateway from now on; all else goes on.
    Pause(PauseAsk),
    /// Let charges go on.
    Resume(PauseAsk),
}

/// Which order, through which gateway.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    /// The gateway's name in the configuration.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: String,
    /// The order.
    #[arg(long, value_name = "NO")]
    pub(crate) order: OrderNo,
    /// Which attempt to pay it; the latest, or for a charge the first.
    #[arg(long, value_name = "N", value_parser = attempt)]
    pub(crate) attempt: Option<AttemptNo>,
    /// How long to wait for the answer, such as 30s.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Then wait, as long again, until the payment has come to an end.
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ChargeAsk {
    #[command(flatten)]
    pub(crate) target: Target,
    /// How much: "12.34 USD".
    #[arg(long)]
    pub(crate) money: Money,
    /// How the payer pays: token:PM, client, qr, barcode:CODE, web, wap, app, mini-program:PAYER.
    #[arg(long)]
    pub(crate) method: String,
    /// Only reserve the money; a capture takes it.
    #[arg(long)]
    pub(crate) capture_later: bool,
    /// Where the payer's browser comes back to.
    #[arg(long, value_name = "URL")]
    pub(crate) return_url: Option<String>,
    /// What the payer reads.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// The payer's address: some providers check it, WeChat Pay wants it for method wap.
    #[arg(long, value_name = "IP")]
    pub(crate) payer_ip: Option<std::net::IpAddr>,
    /// Where the provider calls back to, where it is told per payment.
    #[arg(long, value_name = "URL")]
    pub(crate) callback_url: Option<String>,
    /// Although an earlier attempt still waits for its payer: if both are paid, one is to be given back.
    #[arg(long)]
    pub(crate) overlap: bool,
    /// Passed through to the provider; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) metadata: Vec<(String, String)>,
    /// A field of the provider's own, as its page names it; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) extra: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConfirmAsk {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Which action of the payer this answers: 1, and one more for each further action.
    #[arg(long, default_value_t = 1)]
    pub(crate) round: u32,
    /// What the payer's side brought back; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) data: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CaptureAsk {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Your number of this capture.
    #[arg(long, value_name = "NO")]
    pub(crate) capture_no: CaptureNo,
    /// How much: "12.34 USD".
    #[arg(long)]
    pub(crate) money: Money,
    /// Keep what is left reserved, where the provider can.
    #[arg(long)]
    pub(crate) keep_rest: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReverseAsk {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Your number of the refund.
    #[arg(long, value_name = "NO")]
    pub(crate) refund_no: RefundNo,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RefundAsk {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Your number of this refund.
    #[arg(long, value_name = "NO")]
    pub(crate) refund_no: RefundNo,
    /// How much: "12.34 USD".
    #[arg(long)]
    pub(crate) money: Money,
    /// Why, for the provider and the payer.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoAsk {
    /// How many orders are paid.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) payments: u32,
    /// Where the orders and the faults come from; a fresh one if it is not given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How many of 1000 requests meet a fault.
    #[arg(long, default_value_t = 150, value_name = "PER-MILLE", value_parser = clap::value_parser!(u16).range(0..=500))]
    pub(crate) faults: u16,
    /// How many orders are under way at once.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=512))]
    pub(crate) concurrency: u32,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SandboxAsk {
    /// Where Stripe's face listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:12111", value_name = "ADDRESS")]
    pub(crate) stripe: SocketAddr,
    /// Where callbacks go.
    #[arg(long, value_name = "URL")]
    pub(crate) callbacks: Option<String>,
    /// Where ids and credentials come from: the same seed, the same credentials.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Every fault there is, drawn from the seed: a fifth of the requests, a third of the callbacks.
    #[arg(long)]
    pub(crate) storm: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CallbackAsk {
    /// Read one request per line as JSON, write one verdict per line.
    ///
    /// A line: {"id", "gateway", "now", "method", "url", "headers": {NAME: VALUE | [VALUE..]} or [[NAME, VALUE]..], "body_b64"}.
    /// `now` is unix seconds or RFC 3339; without it, this machine's clock.
    Verify(VerifyAsk),
    /// Receive, verify and store callbacks, and forward each at least once, signed by Standard Webhooks.
    ///
    /// SIGTERM or an interrupt stops it in order; kill -9 loses nothing. See docs/callback-serve.md.
    Serve(ServeAsk),
    /// List what `serve` gave up forwarding.
    Dead(DeadAsk),
    /// Put back what `serve` gave up forwarding.
    Replay(ReplayAsk),
}

#[derive(Debug, clap::Args)]
pub(crate) struct DoctorAsk {
    /// The gateway's name in the configuration.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: String,
    /// How long the checks may take.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeAsk {
    /// The gateway whose callbacks these are.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: String,
    /// Where to listen, at any path; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Where events go.
    #[arg(long, value_name = "URL")]
    pub(crate) forward: String,
    /// How many are forwarded at once.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) concurrency: u32,
    /// How long the target may take to answer.
    #[arg(long, default_value = "15s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Forward over plain http to another machine too: the network between must be trusted.
    #[arg(long)]
    pub(crate) allow_http: bool,
    /// Take a store that forgets what was acknowledged when the process ends.
    #[arg(long)]
    pub(crate) accept_loss: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeadAsk {
    /// The gateway whose callbacks these are.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: String,
    /// How many at most.
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub(crate) max: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReplayAsk {
    /// The gateway whose callbacks these are.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: String,
    /// The id that `callback dead` shows.
    #[arg(long, value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyAsk {
    /// The gateway of lines that name none; not needed if the configuration has only one.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: Option<String>,
    /// The file to read; stdin without it.
    #[arg(long, value_name = "PATH")]
    pub(crate) input: Option<PathBuf>,
}

fn attempt(said: &str) -> Result<AttemptNo, String> {
    let number = said.parse().map_err(|_| "must be a number from 1".to_owned())?;
    AttemptNo::new(number).map_err(|invalid| invalid.to_string())
}

pub(crate) fn duration(said: &str) -> Result<Duration, String> {
    let read: Option<Duration> = text::parse_duration(said);
    read.filter(|time| !time.is_zero()).ok_or_else(|| "must be a time such as 500ms, 30s or 2m".to_owned())
}

fn pair(said: &str) -> Result<(String, String), String> {
    let (name, value) = said.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn values_are_read_by_the_librarys_rules() {
        let read = |words: &[&str]| Args::try_parse_from([&["paysluice"], words].concat());
        let refund = |money| read(&["refund", "--gateway", "shop", "--order", "o", "--refund-no", "r", "--money", money]);
        assert!(refund("12.34 USD").is_ok());
        for wrong in ["12.345 USD", "12.34", "-1 USD", "1 XXQ"] {
            assert!(refund(wrong).is_err(), "{wrong}");
        }
        assert!(read(&["query", "--gateway", "shop", "--order", "o", "--timeout", "0s"]).is_err());
        assert!(read(&["query", "--gateway", "shop", "--order", "o", "--attempt", "0"]).is_err());
    }
}
