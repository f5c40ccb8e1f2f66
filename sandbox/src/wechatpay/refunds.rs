//! Refunds: accepted at once, ended later, told by notice; one number refunds once.

use super::book::{Payee, Refund, State};
use super::errors::ApiError;
use super::fields::Fields;
use super::orders::notify_url;
use super::{Alarm, Answer, Call, Outcome, WechatPay, notices};
use crate::bank::Refusal;
use crate::world::World;

const FIELDS: &[&str] = &[
    "amount",
    "funds_account",
    "goods_detail",
    "notify_url",
    "out_refund_no",
    "out_trade_no",
    "reason",
    "sub_mchid",
    "transaction_id",
];
/// A payment can be refunded for so long.
const REFUNDABLE: i64 = 365 * 24 * 3600;
const PARTS: usize = 50;

impl WechatPay {
    pub(super) fn refund(&mut self, world: &mut World, call: &Call<'_>) -> Outcome {
        let body = Fields::body(&call.body)?;
        let number = checked(world, &body)?.to_owned();
        let payee = Payee { mchid: self.identity.mchid.clone(), sub_mchid: body.text("sub_mchid", 32)?.map(str::to_owned) };
        if let Some(known) = self.book.refund_of(&payee, &number) {
            let same = self.book.refunds.get(known).is_some_and(|refund| refund.first == call.body);
            let message = "订单金额或退款金额与之前请求不一致，请核实后再试: the same out_refund_no with other parameters";
            return if same { Ok(Answer::Refund(known)) } else { Err(ApiError::invalid(message)) };
        }
        let at = self.refundable(world, &body, &payee)?;
        let amount = body.need_object("amount")?.need_integer("refund", 1)?;
        let reason = body.text("reason", 80)?.unwrap_or_default();
        if reason.contains("sandbox:user-abnormal") {
            return Err(ApiError::refused("USER_ACCOUNT_ABNORMAL", "用户账户异常: the payer has closed the account"));
        }
        let order = self.book.orders.get_mut(at).ok_or_else(ApiError::system)?;
        let transaction = order.paid.as_ref().map(|(transaction, _)| transaction.clone()).unwrap_or_default();
        world.bank.refund(world.wall, &transaction, amount).map_err(|why| match why {
            Refusal::NoFunds => ApiError::refused("NOT_ENOUGH", "基本账户余额不足，请充值后重新发起"),
            Refusal::TooMuch => ApiError::invalid("申请退款金额大于订单可退金额"),
            Refusal::State => ApiError::system(),
        })?;
        order.state = State::Refund;
        let refund = Refund {
            payee,
            number,
            id: format!("503000{}", world.digits(22)),
            order: at,
            first: call.body.clone(),
            amount,
            notify_url: body.text("notify_url", 256)?.map(str::to_owned),
            status: "PROCESSING",
            end: end(reason),
            created: world.unix(),
            born: world.now,
            succeeded: None,
        };
        let made = self.book.add_refund(refund);
        world.after(world.config.wechatpay.refund_after, Alarm::RefundEnds(made));
        Ok(Answer::Refund(made))
    }

    /// The paid order that a refund is of, if the rules of time, count and total allow one more.
    fn refundable(&self, world: &World, body: &Fields<'_>, payee: &Payee) -> Result<usize, ApiError> {
        let at = match (body.text("transaction_id", 32)?, body.text("out_trade_no", 32)?) {
            (Some(id), None) => self.book.by_transaction(payee, id),
            (None, Some(number)) => self.book.order_of(payee, number),
            _ => return Err(body.wrong("transaction_id", "is required, or out_trade_no, not both")),
        };
        let found = at.and_then(|at| Some((at, self.book.orders.get(at)?)));
        let (at, order) = found.ok_or_else(|| ApiError::not_found("RESOURCE_NOT_EXISTS", "订单不存在"))?;
        let (State::Success | State::Refund, Some((_, paid))) = (order.state, &order.paid) else {
            return Err(ApiError::invalid("订单未支付，不能退款: the order is not paid"));
        };
        if body.need_object("amount")?.need_integer("total", 1)? != order.total {
            return Err(ApiError::invalid("订单金额或退款金额与之前请求不一致，请核实后再试: amount.total is not the order's"));
        }
        if world.unix() > paid + REFUNDABLE {
            return Err(ApiError::invalid("订单已超过可退款的最大期限(365天)"));
        }
        if self.book.refunds_of(at).count() >= PARTS {
            return Err(ApiError::invalid("同一订单最多支持50次部分退款"));
        }
        let last = self.book.refunds_of(at).map(|refund| refund.born).max();
        if last.is_some_and(|last| world.now.since(last) < world.config.wechatpay.refund_gap) {
            return Err(ApiError::too_many("同一订单两次退款需间隔1分钟，请稍后以原退款单号重试"));
        }
        Ok(at)
    }

    pub(super) fn find_refund(&self, call: &Call<'_>, number: &str) -> Outcome {
        call.only_asks(&["sub_mchid"])?;
        let payee = Payee { mchid: self.identity.mchid.clone(), sub_mchid: call.asks("sub_mchid").map(str::to_owned) };
        let found = self.book.refund_of(&payee, number);
        found.map(Answer::Refund).ok_or_else(|| ApiError::not_found("RESOURCE_NOT_EXISTS", "退款单不存在"))
    }

    /// A refund's time has come: the payer has the money, or cannot be reached, or the refund is off.
    pub(super) fn refund_ends(&mut self, world: &mut World, at: usize) {
        let Some(refund) = self.book.refunds.get_mut(at).filter(|refund| refund.status == "PROCESSING") else { return };
        refund.status = refund.end;
        match refund.end {
            "SUCCESS" => refund.succeeded = Some(world.unix()),
            "CLOSED" => {
                let paid = self.book.orders.get(refund.order).and_then(|order| order.paid.as_ref());
                let transaction = paid.map(|(transaction, _)| transaction.clone()).unwrap_or_default();
                if world.bank.refund_bounced(world.wall, &transaction, refund.amount).is_err() {
                    return;
                }
            }
            // The money stays with WeChat Pay until the merchant says where it is to go.
            _ => {}
        }
        notices::tell_refund(self, world, at);
    }
}

/// What a refund comes to, by its reason.
fn end(reason: &str) -> &'static str {
    match reason {
        _ if reason.contains("sandbox:abnormal") => "ABNORMAL",
        _ if reason.contains("sandbox:closed") => "CLOSED",
        _ => "SUCCESS",
    }
}

/// Checks every field of a refund; its number.
fn checked<'b>(world: &World, body: &Fields<'b>) -> Result<&'b str, ApiError> {
    body.only(&[FIELDS])?;
    let number = body.number("out_refund_no", 1, 64, "_-|*@")?;
    body.text("reason", 80)?;
    if body.has("notify_url") {
        notify_url(body, 256, world.config.wechatpay.allow_http_loopback)?;
    }
    if body.text("funds_account", 32)?.is_some_and(|account| account != "AVAILABLE") {
        return Err(body.wrong("funds_account", "must be AVAILABLE"));
    }
    let amount = body.need_object("amount")?;
    amount.only(&[&["refund", "total", "currency", "from"]])?;
    let (refund, total) = (amount.need_integer("refund", 1)?, amount.need_integer("total", 1)?);
    if amount.need("currency", 16)? != "CNY" {
        return Err(amount.wrong("currency", "must be CNY"));
    }
    if refund > total {
        return Err(amount.wrong("refund", "must not be above total"));
    }
    let mut parts = 0;
    for from in amount.objects("from")? {
        from.only(&[&["account", "amount"]])?;
        if !["AVAILABLE", "UNAVAILABLE"].contains(&from.need("account", 32)?) {
            return Err(from.wrong("account", "must be AVAILABLE or UNAVAILABLE"));
        }
        parts += from.need_integer("amount", 1)?;
    }
    if amount.has("from") && parts != refund {
        return Err(amount.wrong("from", "must add up to refund"));
    }
    for goods in body.objects("goods_detail")? {
        goods.need("merchant_goods_id", 32)?;
        goods.need_integer("unit_price", 0)?;
        goods.need_integer("refund_amount", 0)?;
        goods.need_integer("refund_quantity", 1)?;
    }
    Ok(number)
}
