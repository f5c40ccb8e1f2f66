//! The words of the operators' commands.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use paysluice::model::{Money, OrderNo};

use crate::args::duration;

/// What is looked at in the store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreAsk {
    /// Make the store's tables, or bring them up to this version.
    Migrate,
    /// List orders, by number.
    List(ListAsk),
    /// Show an order whole: attempts, operations, tells, dead callbacks, and what was changed by hand.
    Inspect(OrderAsk),
    /// List everything unfinished: in doubt, being sent, watched, wished, with its age and when it is looked at next.
    Open(PageAsk),
    /// List the callbacks that the gateway could make nothing of. (`callback dead` lists what `callback serve` gave up forwarding.)
    Dead(DeadAsk),
    /// Put a callback from the dead list back, to be applied once more.
    Replay(ReplayAsk),
    /// List what was changed by hand.
    Audit(PageAsk),
}

/// Who changes something, and why: both stand in the audit trail for ever.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WordAsk {
    /// What the decision rests on, in one line: it is what the next person reads. No card numbers, no secrets.
    #[arg(long, value_name = "TEXT")]
    pub(crate) evidence: String,
    /// Who decides.
    #[arg(long, value_name = "WHO")]
    pub(crate) by: String,
}

/// Which orders are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// All of them.
    #[default]
    All,
    /// Those that wait for a person: other money than asked, paid twice, paid late.
    Blocked,
    /// Those with an unfinished capture or refund.
    Pending,
    /// Those whose payment has not come to its end.
    Unpaid,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListAsk {
    /// The gateway's name in the configuration.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: String,
    /// Which orders.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) only: Only,
    /// Only those after this one.
    #[arg(long, value_name = "NO")]
    pub(crate) after: Option<OrderNo>,
    /// How many at most.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = at_most)]
    pub(crate) max: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PageAsk {
    /// The gateway's name in the configuration.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: String,
    /// The `next` of the page before.
    #[arg(long, value_name = "NEXT")]
    pub(crate) after: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = at_most)]
    pub(crate) max: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeadAsk {
    /// The gateway's name in the configuration.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: String,
    /// How many at most.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = at_most)]
    pub(crate) max: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReplayAsk {
    /// The gateway's name in the configuration.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: String,
    /// The id that `store dead` shows.
    #[arg(long, value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) word: WordAsk,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OrderAsk {
    /// The gateway's name in the configuration.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway: String,
    /// The order.
    #[arg(long, value_name = "NO")]
    pub(crate) order: OrderNo,
}

/// What a person says became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FateSaid {
    /// It took effect at the provider.
    Applied,
    /// It did not, and will not.
    NotApplied,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SettleAsk {
    #[command(flatten)]
    pub(crate) of: OrderAsk,
    /// Which operation, as `store inspect` names it: charge/1, refund/r-7. Not needed if only one is in doubt.
    #[arg(long, value_name = "NAME")]
    pub(crate) operation: Option<String>,
    /// What became of it.
    #[arg(long, value_enum)]
    pub(crate) fate: FateSaid,
    /// The provider's id: of the payment, for a charge; of the refund or capture, else. A charge that was applied needs it.
    #[arg(long, value_name = "ID", requires = "money")]
    pub(crate) provider_id: Option<String>,
    /// For how much: "12.34 USD".
    #[arg(long, requires = "provider_id")]
    pub(crate) money: Option<Money>,
    #[command(flatten)]
    pub(crate) word: WordAsk,
    /// How long the provider may take to be asked.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NowAsk {
    #[command(flatten)]
    pub(crate) of: OrderAsk,
    /// How long it may take.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AbandonAsk {
    #[command(flatten)]
    pub(crate) of: OrderAsk,
    #[command(flatten)]
    pub(crate) word: WordAsk,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AdoptAsk {
    #[command(flatten)]
    pub(crate) of: OrderAsk,
    /// The provider's id of the payment.
    #[arg(long, value_name = "ID")]
    pub(crate) provider_id: String,
    /// What the order asks for: "12.34 USD".
    #[arg(long)]
    pub(crate) money: Money,
    #[command(flatten)]
    pub(crate) word: WordAsk,
    /// How long the provider may take to be asked.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PauseAsk {
    /// The gateway's name in the configuration.
    #[arg(value_name = "GATEWAY")]
    pub(crate) gateway: String,
    #[command(flatten)]
    pub(crate) word: WordAsk,
}

fn at_most(said: &str) -> Result<usize, String> {
    said.parse().ok().filter(|max| (1..=10_000).contains(max)).ok_or_else(|| "must be a number from 1 to 10000".to_owned())
}
