//! The fields of answers and notices: what the request said, and what became of it.

use super::book::{Kind, State, Trade};
use super::codes::{Refusal, message};
use super::seal::Fields;
use super::{query, times};
use crate::world::World;

/// What an answer repeats of the request.
const ECHOED: &[&str] = &[
    "accessType",
    "acqInsCode",
    "bizType",
    "currencyCode",
    "encoding",
    "merId",
    "orderId",
    "reqReserved",
    "signMethod",
    "subMerId",
    "txnAmt",
    "txnSubType",
    "txnTime",
    "txnType",
    "version",
];

fn echo(asked: &Fields) -> Fields {
    let kept = asked.iter().filter(|(name, _)| ECHOED.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn put<const N: usize>(fields: &mut Fields, more: [(&str, String); N]) {
    fields.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
}

/// The answer about nothing that was placed.
pub(super) fn plain(asked: &Fields, code: &str) -> Fields {
    let mut fields = echo(asked);
    put(&mut fields, [("respCode", code.to_owned()), ("respMsg", message(code))]);
    fields
}

pub(super) fn refused(asked: &Fields, refusal: &Refusal) -> Fields {
    let mut fields = echo(asked);
    put(&mut fields, [("respCode", refusal.code.to_owned()), ("respMsg", refusal.message())]);
    fields
}

/// The answer to the request that placed a trade.
pub(super) fn placed(trade: &Trade, code: &str, orig: Option<&Trade>) -> Fields {
    let mut fields = plain(&trade.said, code);
    match trade.kind {
        Kind::Web | Kind::App => put(&mut fields, [("tn", trade.handed.clone())]),
        Kind::QrShown => put(&mut fields, [("qrCode", trade.handed.clone())]),
        Kind::QrScanned | Kind::Revoke | Kind::Refund => put(&mut fields, [("queryId", trade.query_id.clone())]),
    }
    named_orig(&mut fields, orig);
    fields
}

/// The answer to a query: the trade's own fields, and what became of it.
pub(super) fn found(asked: &Fields, trade: &Trade, orig: Option<&Trade>) -> Fields {
    let mut fields = echo(asked);
    fields.extend(echo(&trade.said));
    let code = query::code(trade.state).unwrap_or("05");
    put(
        &mut fields,
        [
            ("respCode", "00".to_owned()),
            ("respMsg", message("00")),
            ("origRespCode", code.to_owned()),
            ("origRespMsg", message(code)),
            ("queryId", trade.query_id.clone()),
        ],
    );
    settled(&mut fields, trade);
    named_orig(&mut fields, orig);
    fields
}

/// What a notice tells of a trade that has ended, well or badly; None if it has not.
pub(super) fn told(trade: &Trade, orig: Option<&Trade>) -> Option<Fields> {
    let (code, said) = match trade.state {
        State::Done(code) => (code, "success".to_owned()),
        State::Failed(code) => (code, message(code)),
        State::Unseen | State::Working | State::Late | State::Reversed => return None,
    };
    let mut fields = echo(&trade.said);
    put(
        &mut fields,
        [("respCode", code.to_owned()), ("respMsg", said), ("queryId", trade.query_id.clone()), ("exchangeRate", "0".to_owned())],
    );
    settled(&mut fields, trade);
    named_orig(&mut fields, orig);
    Some(fields)
}

/// What only a trade has that moved money.
fn settled(fields: &mut Fields, trade: &Trade) {
    let Some(done) = trade.done else { return };
    let trace_time = times::stamp(trade.born).get(4..).unwrap_or_default().to_owned();
    put(
        fields,
        [
            ("settleAmt", trade.amount.to_string()),
            ("settleCurrencyCode", "156".to_owned()),
            ("settleDate", times::settle_date(done)),
            ("traceNo", trade.trace_no.clone()),
            ("traceTime", trace_time),
            ("accNo", "6226****0048".to_owned()),
            ("payCardType", "01".to_owned()),
        ],
    );
}

fn named_orig(fields: &mut Fields, orig: Option<&Trade>) {
    if let Some(orig) = orig {
        put(fields, [("origQryId", orig.query_id.clone())]);
    }
}

/// The answer about a trade that nobody here knows.
pub(super) fn stranger(world: &mut World, asked: &Fields) -> Fields {
    let mut fields = plain(asked, "00");
    let stamp = times::stamp(world.unix());
    put(
        &mut fields,
        [
            ("orderId", world.digits(20)),
            ("txnTime", stamp.clone()),
            ("txnAmt", "1".to_owned()),
            ("currencyCode", "156".to_owned()),
            ("queryId", format!("78{}", world.digits(19))),
            ("tn", world.digits(21)),
            ("qrCode", format!("https://qr.95516.com/00010000/{}", world.digits(26))),
            ("origRespCode", "00".to_owned()),
            ("origRespMsg", message("00")),
        ],
    );
    fields
}
