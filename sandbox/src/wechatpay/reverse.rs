//! Taking back an order that was paid by code: what was paid goes back to the payer, what was not can no longer be paid.

use super::book::{Product, State};
use super::errors::ApiError;
use super::fields::Fields;
use super::{Answer, Call, Outcome, WechatPay};
use crate::bank::Refusal;
use crate::world::World;

impl WechatPay {
    pub(super) fn reverse(&mut self, world: &mut World, call: &Call<'_>, number: &str) -> Outcome {
        let body = Fields::body(&call.body)?;
        body.only(&[if call.partner { &["sp_appid", "sp_mchid", "sub_appid", "sub_mchid"] } else { &["appid", "mchid"] }])?;
        let appid = body.need(if call.partner { "sp_appid" } else { "appid" }, 32)?;
        if appid != self.identity.appid {
            return Err(ApiError::bad("APPID_MCHID_NOT_MATCH", format!("appid {appid} is not bound to this merchant")));
        }
        let payee = self.payee(&body, call.partner)?;
        let known = self.book.order_of(&payee, number);
        let known = known.ok_or_else(|| ApiError::not_found("ORDER_NOT_EXIST", "订单不存在"))?;
        let refunded = self.book.refunds_of(known).next().is_some();
        let order = self.book.orders.get_mut(known).ok_or_else(ApiError::system)?;
        if order.product != Product::CodePay {
            return Err(ApiError::invalid("撤销接口只支持付款码支付的订单: only an order paid by code is reversed"));
        }
        if refunded {
            return Err(ApiError::refused("TRADE_ERROR", "订单已退款，不能撤销"));
        }
        if let (State::Success, Some((transaction, _))) = (order.state, &order.paid) {
            world.bank.refund(world.wall, transaction, order.total).map_err(|why| match why {
                Refusal::NoFunds => ApiError::refused("NOT_ENOUGH", "余额不足"),
                Refusal::State | Refusal::TooMuch => ApiError::system(),
            })?;
        }
        order.state = State::Revoked;
        Ok(Answer::Plain(call.body_with("out_trade_no", number)))
    }
}
