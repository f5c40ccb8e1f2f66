//! The pages that a payer's browser shows.

use std::fmt::Write as _;

use http::StatusCode;
use paysluice::adapter::Reply;

use super::book::Trade;
use super::codes::Refusal;
use super::html;
use super::seal::Fields;

/// The page that a posted form leads to: an order that can be paid, or why not. It proves nothing: nobody signs a page.
pub(super) fn shown(outcome: &Result<Option<&Trade>, Refusal>, public_url: &str) -> Reply {
    let trade = match outcome {
        Ok(Some(trade)) => trade,
        Ok(None) => return sorry("no such order"),
        Err(refusal) => return sorry(&format!("respCode {}: {}", refusal.code, refusal.message())),
    };
    let (order, amount, tn) = (escaped(trade.order_id()), trade.amount, escaped(&trade.handed));
    let body = format!(
        "<h1>Order {order}: {amount} fen</h1><form method=post action=\"{}/gateway/api/sandboxPayer.do\">\
         <input type=hidden name=tn value=\"{tn}\"><button name=answer value=pay>Pay</button> \
         <button name=answer value=fail>Fail</button></form>",
        escaped(public_url)
    );
    page(&body)
}

/// The payer's browser carries the result back to the merchant.
pub(super) fn goes_back(url: &str, fields: &Fields) -> Reply {
    let mut body = format!("<form id=back method=post action=\"{}\">", escaped(url));
    for (name, value) in fields {
        // A line end in an attribute reaches the merchant as CR LF only if it is written out.
        let value = escaped(value).replace('\r', "&#13;").replace('\n', "&#10;");
        let _ = write!(body, "<input type=hidden name=\"{}\" value=\"{value}\">", escaped(name));
    }
    page(&(body + "<button>Return to the merchant</button></form><script>document.getElementById('back').submit()</script>"))
}

pub(super) fn sorry(why: &str) -> Reply {
    page(&format!("<h1>{}</h1>", escaped(why)))
}

/// No answer that anybody could read.
pub(super) fn failed(status: StatusCode) -> Reply {
    html(status, format!("<html><body><h1>{status}</h1></body></html>"))
}

fn page(body: &str) -> Reply {
    html(StatusCode::OK, format!("<!doctype html><meta charset=UTF-8><title>Sandbox 银联在线支付</title>{body}"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
