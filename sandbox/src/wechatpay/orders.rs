//! Orders: placed, placed again, asked for, closed.

use super::book::{Order, Payee, Product, State};
use super::errors::ApiError;
use super::fields::Fields;
use super::{Answer, Call, Outcome, WechatPay, times};
use crate::world::World;

/// How the content of an order's QR code begins.
pub(super) const CODE_URL: &str = "weixin://wxpay/bizpayurl?pr=";
const PREPAID_FOR: i64 = 2 * 3600;
const DAY: i64 = 24 * 3600;

const DIRECT: &[&str] = &["appid", "mchid"];
const PARTNER: &[&str] = &["sp_appid", "sp_mchid", "sub_appid", "sub_mchid"];
const COMMON: &[&str] = &[
    "amount",
    "attach",
    "description",
    "detail",
    "goods_tag",
    "limit_pay",
    "notify_url",
    "out_trade_no",
    "scene_info",
    "settle_info",
    "support_fapiao",
    "time_expire",
];

impl WechatPay {
    pub(super) fn create(&mut self, world: &mut World, call: &Call<'_>, product: Product) -> Outcome {
        let body = Fields::body(&call.body)?;
        let payee = self.payee(&body, call.partner)?;
        let number = self.checked(world, &body, product, call.partner)?.to_owned();
        if let Some(known) = self.book.order_of(&payee, &number) {
            return self.again(world, call, known, product);
        }
        let order = Self::drafted(world, call, &body, payee, number, product)?;
        let at = self.book.add_order(order);
        if product == Product::CodePay {
            return self.scan_code(world, at);
        }
        self.await_payer(world, at);
        Ok(Answer::Prepay(at))
    }

    /// A number that is known: the same parameters, the same answer; others are refused, and so is what has ended.
    fn again(&mut self, world: &mut World, call: &Call<'_>, known: usize, product: Product) -> Outcome {
        let unix = world.unix();
        let closes_after = world.config.wechatpay.closes_after_expiry;
        let order = self.book.orders.get_mut(known).ok_or_else(ApiError::system)?;
        match order.state_at(unix, closes_after) {
            State::Success | State::Refund => return Err(ApiError::bad("ORDERPAID", "该订单已支付")),
            State::Closed | State::Revoked => return Err(ApiError::bad("ORDERCLOSED", "该订单已关闭，请重新下单")),
            State::PayError => return Err(ApiError::refused("OUT_TRADE_NO_USED", "商户订单号重复: this number has failed")),
            State::NotPay | State::UserPaying => {}
        }
        if order.product != product {
            return Err(ApiError::refused("OUT_TRADE_NO_USED", "商户订单号重复: this number was used for another product"));
        }
        if order.first != call.body {
            return Err(ApiError::invalid("请求重入时，参数与首次请求时不一致: the same out_trade_no with other parameters"));
        }
        if product == Product::CodePay {
            return Ok(Answer::Order(known));
        }
        if unix > order.expires {
            return Err(ApiError::bad("ORDERCLOSED", "订单已过期: time_expire has passed"));
        }
        if unix >= order.prepaid + PREPAID_FOR {
            order.prepaid = unix;
            order.prepay_id = prepay_id(world);
        }
        Ok(Answer::Prepay(known))
    }

    fn drafted(
        world: &mut World,
        call: &Call<'_>,
        body: &Fields<'_>,
        payee: Payee,
        number: String,
        product: Product,
    ) -> Result<Order, ApiError> {
        let now = world.unix();
        let expires = match body.text("time_expire", 64)? {
            None => now + 7 * DAY,
            Some(text) => {
                let at = times::unix_of(text).ok_or_else(|| body.wrong("time_expire", "must be RFC 3339 with an offset"))?;
                at.clamp(now + 60, now + 90 * DAY)
            }
        };
        Ok(Order {
            payee,
            number,
            product,
            first: call.body.clone(),
            total: body.need_object("amount")?.need_integer("total", 1)?,
            // What is paid by code is told by the answer and by queries only.
            notify_url: body.text("notify_url", 255)?.filter(|_| product != Product::CodePay).map(str::to_owned),
            prepay_id: prepay_id(world),
            code: world.letters(9),
            prepaid: now,
            expires,
            state: if product == Product::CodePay { State::UserPaying } else { State::NotPay },
            in_payers_hands: false,
            paid: None,
        })
    }

    /// Checks every field of an order; its number.
    fn checked<'b>(&self, world: &World, body: &Fields<'b>, product: Product, partner: bool) -> Result<&'b str, ApiError> {
        let payer: &[&str] = if matches!(product, Product::Jsapi | Product::CodePay) { &["payer"] } else { &[] };
        body.only(&[COMMON, if partner { PARTNER } else { DIRECT }, payer])?;
        let appid = body.need(if partner { "sp_appid" } else { "appid" }, 32)?;
        if appid != self.identity.appid {
            return Err(ApiError::bad("APPID_MCHID_NOT_MATCH", format!("appid {appid} is not bound to this merchant")));
        }
        body.need("description", 127)?;
        let number = body.number("out_trade_no", 6, 32, "_-|*")?;
        body.text("attach", 128)?;
        body.text("goods_tag", 32)?;
        body.flag("support_fapiao")?;
        body.words("limit_pay", &["no_balance", "no_credit", "no_debit", "balance_only"])?;
        if product != Product::CodePay || body.has("notify_url") {
            notify_url(body, 255, world.config.wechatpay.allow_http_loopback)?;
        }
        let amount = body.need_object("amount")?;
        amount.only(&[&["total", "currency"]])?;
        amount.need_integer("total", 1)?;
        if amount.text("currency", 16)?.is_some_and(|currency| currency != "CNY") {
            return Err(amount.wrong("currency", "must be CNY"));
        }
        if let Some(settle) = body.object("settle_info")? {
            settle.only(&[&["profit_sharing"]])?;
            settle.flag("profit_sharing")?;
        }
        detail(body)?;
        scene(body, product)?;
        payer_of(body, product, partner)?;
        Ok(number)
    }

    pub(super) fn payee(&self, fields: &Fields<'_>, partner: bool) -> Result<Payee, ApiError> {
        let name = if partner { "sp_mchid" } else { "mchid" };
        let mchid = fields.need(name, 32)?;
        if mchid != self.identity.mchid {
            return Err(fields.wrong(name, "must be the merchant whose certificate signed the request"));
        }
        let sub_mchid = if partner { Some(fields.number("sub_mchid", 8, 32, "")?.to_owned()) } else { None };
        Ok(Payee { mchid: mchid.to_owned(), sub_mchid })
    }

    pub(super) fn find(&self, call: &Call<'_>, number: &str) -> Outcome {
        let found = self.book.order_of(&self.asked_payee(call)?, number);
        found.map(Answer::Order).ok_or_else(|| ApiError::not_found("ORDER_NOT_EXIST", "订单不存在"))
    }

    pub(super) fn find_transaction(&self, call: &Call<'_>, id: &str) -> Outcome {
        let found = self.book.by_transaction(&self.asked_payee(call)?, id);
        found.map(Answer::Order).ok_or_else(|| ApiError::not_found("ORDER_NOT_EXIST", "订单不存在"))
    }

    /// Whose order a query asks for.
    fn asked_payee(&self, call: &Call<'_>) -> Result<Payee, ApiError> {
        call.only_asks(if call.partner { &["sp_mchid", "sub_mchid"] } else { &["mchid"] })?;
        let mchid = call.asks(if call.partner { "sp_mchid" } else { "mchid" });
        if mchid != Some(self.identity.mchid.as_str()) {
            return Err(ApiError::bad_param("mchid: must be in the query, the merchant's whose certificate signed the request"));
        }
        let sub_mchid = call.asks("sub_mchid").map(str::to_owned);
        if call.partner && sub_mchid.is_none() {
            return Err(ApiError::bad_param("sub_mchid: is required in the query"));
        }
        Ok(Payee { mchid: self.identity.mchid.clone(), sub_mchid })
    }

    /// Closes an unpaid order. An unknown one, or a closed one, is answered alike.
    pub(super) fn close(&mut self, world: &World, call: &Call<'_>, number: &str) -> Outcome {
        let body = Fields::body(&call.body)?;
        body.only(&[if call.partner { &["sp_mchid", "sub_mchid"] } else { &["mchid"] }])?;
        let payee = self.payee(&body, call.partner)?;
        let Some(known) = self.book.order_of(&payee, number) else { return Ok(Answer::Nothing) };
        let order = self.book.orders.get_mut(known).ok_or_else(ApiError::system)?;
        match order.state_at(world.unix(), world.config.wechatpay.closes_after_expiry) {
            State::NotPay if order.in_payers_hands => Err(ApiError::too_many("订单支付中，请稍后再试: the payer is paying")),
            State::NotPay => {
                order.state = State::Closed;
                Ok(Answer::Nothing)
            }
            State::Closed => Ok(Answer::Nothing),
            State::Success | State::Refund => Err(ApiError::bad("ORDERPAID", "该订单已支付，不能关闭")),
            State::UserPaying | State::PayError | State::Revoked => {
                Err(ApiError::invalid("付款码支付的订单不能关闭: an order paid by code is reversed, not closed"))
            }
        }
    }
}

fn prepay_id(world: &mut World) -> String {
    let day = times::beijing(world.unix());
    let day: String = day.chars().take(19).filter(char::is_ascii_digit).collect();
    format!("wx{day}{}0000", world.letters(14).to_lowercase())
}

/// An address for notices: `https`, or `http` on the loopback where that is allowed; no query, no fragment.
pub(super) fn notify_url(body: &Fields<'_>, longest: usize, loopback: bool) -> Result<(), ApiError> {
    let url = body.need("notify_url", longest)?;
    let local = ["127.0.0.1", "localhost", "[::1]"];
    let host = |rest: &str| rest.split('/').next().unwrap_or_default().to_owned();
    let reachable = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => !host(rest).is_empty(),
        (_, Some(rest)) => loopback && local.iter().any(|name| host(rest).strip_prefix(name).is_some_and(port)),
        _ => false,
    };
    if !reachable {
        return Err(body.wrong("notify_url", "must be an https address"));
    }
    if url.contains(['?', '#']) || url.chars().any(char::is_whitespace) {
        return Err(body.wrong("notify_url", "must not have a query, a fragment or blanks"));
    }
    Ok(())
}

fn port(rest: &str) -> bool {
    rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

fn detail(body: &Fields<'_>) -> Result<(), ApiError> {
    let Some(detail) = body.object("detail")? else { return Ok(()) };
    detail.only(&[&["cost_price", "invoice_id", "goods_detail"]])?;
    detail.integer("cost_price", 0)?;
    detail.text("invoice_id", 32)?;
    for goods in detail.objects("goods_detail")? {
        goods.only(&[&["merchant_goods_id", "wechatpay_goods_id", "goods_name", "quantity", "unit_price"]])?;
        goods.need("merchant_goods_id", 32)?;
        goods.text("wechatpay_goods_id", 32)?;
        goods.text("goods_name", 256)?;
        goods.need_integer("quantity", 1)?;
        goods.need_integer("unit_price", 0)?;
    }
    Ok(())
}

fn scene(body: &Fields<'_>, product: Product) -> Result<(), ApiError> {
    let needed = matches!(product, Product::H5 | Product::CodePay);
    let Some(scene) = body.object("scene_info")? else {
        return if needed { Err(body.wrong("scene_info", "is required")) } else { Ok(()) };
    };
    scene.only(&[
        &["payer_client_ip", "device_id", "device_ip", "store_info"],
        if product == Product::H5 { &["h5_info"] } else { &[] },
    ])?;
    scene.text("device_id", 32)?;
    if product == Product::CodePay {
        let store = scene.need_object("store_info")?;
        store.only(&[&["id", "out_id", "name", "area_code", "address"]])?;
        if !store.has("id") && !store.has("out_id") {
            return Err(store.wrong("id", "is required, or out_id"));
        }
        return Ok(());
    }
    scene.need("payer_client_ip", 45)?;
    if let Some(store) = scene.object("store_info")? {
        store.only(&[&["id", "name", "area_code", "address"]])?;
        store.need("id", 32)?;
        store.text("name", 256)?;
        store.text("area_code", 32)?;
        store.text("address", 512)?;
    }
    if product == Product::H5 {
        let h5 = scene.need_object("h5_info")?;
        h5.only(&[&["type", "app_name", "app_url", "bundle_id", "package_name"]])?;
        if !["iOS", "Android", "Wap"].contains(&h5.need("type", 32)?) {
            return Err(h5.wrong("type", "must be iOS, Android or Wap"));
        }
    }
    Ok(())
}

fn payer_of(body: &Fields<'_>, product: Product, partner: bool) -> Result<(), ApiError> {
    match product {
        Product::Jsapi if partner => {
            let payer = body.need_object("payer")?;
            payer.only(&[&["sp_openid", "sub_openid"]])?;
            match (payer.text("sp_openid", 128)?, payer.text("sub_openid", 128)?) {
                (Some(_), None) => Ok(()),
                (None, Some(_)) if body.has("sub_appid") => Ok(()),
                (None, Some(_)) => Err(body.wrong("sub_appid", "is required with payer.sub_openid")),
                _ => Err(payer.wrong("sp_openid", "is required, or sub_openid, not both")),
            }
        }
        Product::Jsapi => {
            let payer = body.need_object("payer")?;
            payer.only(&[&["openid"]])?;
            payer.need("openid", 128).map(drop)
        }
        Product::CodePay => {
            let payer = body.need_object("payer")?;
            payer.only(&[&["auth_code"]])?;
            let code = payer.need("auth_code", 32)?;
            let payers = code.get(..2).is_some_and(|first| ("10"..="15").contains(&first));
            if code.len() == 18 && payers && code.bytes().all(|byte| byte.is_ascii_digit()) {
                return Ok(());
            }
            Err(payer.wrong("auth_code", "must be 18 digits that begin with 10 to 15"))
        }
        Product::App | Product::H5 | Product::Native => Ok(()),
    }
}
