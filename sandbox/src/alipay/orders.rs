//! Orders: read and checked, offered to payers, made into trades, made again.

use serde_json::json;

use super::auth::{self, Application, Clock};
use super::book::{Expiry, Offer, Order, Product, State, Trade};
use super::call::Call;
use super::config::Seller;
use super::errors::{Refusal, escaped};
use super::fields::Fields;
use super::{Alipay, Answer, Outcome, amounts, times};
use crate::world::World;

/// How the content of an order's QR code begins.
pub(super) const QR_CODE: &str = "https://qr.alipay.com/";
pub(super) const ANY_BUYER: &str = "2088102146225135";

impl Alipay {
    /// A page for the payer's browser: no trade yet, not before the payer has logged in.
    pub(super) fn page(&mut self, world: &mut World, call: &Call, product: Product) -> Outcome {
        let order = self.order(world, call, product)?;
        self.known(world, &order)?;
        let page = format!(
            "<!doctype html><meta charset=utf-8><title>支付宝 - sandbox</title><h1>{}</h1><p>{} 元</p><p>{}</p>",
            escaped(order.said("subject").unwrap_or_default()),
            amounts::yuan(order.total),
            order.number
        );
        let offer = self.offer(world, order, i64::MAX);
        self.await_payer(world, offer);
        Ok(Answer::Page(page))
    }

    /// A QR code: no trade yet, not before the payer has scanned it.
    pub(super) fn precreate(&mut self, world: &mut World, call: &Call) -> Outcome {
        let order = self.order(world, call, Product::QrCode)?;
        self.known(world, &order)?;
        if let Some(at) = self.book.offer_of(&order.seller, &order.number) {
            let now = world.unix();
            let known =
                self.book.offers.get(at).filter(|known| known.order.product == Product::QrCode && known.valid_until > now);
            match known {
                Some(known) if known.order.same(&order) => return Ok(Answer::Offered(at)),
                Some(_) => return Err(inconsistent()),
                None => {}
            }
        }
        let valid = i64::try_from(world.config.alipay.qr_valid.as_secs()).unwrap_or(i64::MAX);
        let valid_until = world.unix().saturating_add(valid);
        let at = self.offer(world, order, valid_until);
        self.await_payer(world, at);
        Ok(Answer::Offered(at))
    }

    /// A trade that the payer's app is called up with.
    pub(super) fn create(&mut self, world: &mut World, call: &Call) -> Outcome {
        let order = self.order(world, call, Product::Create)?;
        let buyer = order.said("buyer_id").or(order.said("buyer_open_id")).unwrap_or(ANY_BUYER).to_owned();
        let at = match self.known(world, &order)? {
            Some(known) => known,
            None => self.trade(world, order, buyer)?,
        };
        self.await_caller(world, at);
        Ok(Answer::Created(at))
    }

    fn offer(&mut self, world: &mut World, order: Order, valid_until: i64) -> usize {
        self.book.offers.push(Offer { order, code: format!("bax{}", world.letters(20).to_lowercase()), valid_until });
        self.book.offers.len() - 1
    }

    /// The trade that a number already is, if the same request may go on with it.
    pub(super) fn known(&self, world: &World, order: &Order) -> Result<Option<usize>, Refusal> {
        let found = self.book.trade_of(&order.seller, &order.number);
        let Some((at, trade)) = found.and_then(|at| Some((at, self.book.trades.get(at)?))) else { return Ok(None) };
        match trade.state_at(world.unix(), world.config.alipay.finishes_after) {
            State::Success | State::Finished => Err(Refusal::business("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")),
            State::Closed => Err(Refusal::business("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")),
            State::Waiting if trade.order.same(order) => Ok(Some(at)),
            State::Waiting => Err(inconsistent()),
        }
    }

    /// Makes the trade of an order.
    pub(super) fn trade(&mut self, world: &mut World, order: Order, buyer: String) -> Result<usize, Refusal> {
        let created = world.unix();
        let expires = order.expiry.of_trade_made(created);
        if expires <= created {
            return Err(late());
        }
        let day: String = times::beijing(created).chars().take(10).filter(char::is_ascii_digit).collect();
        let trade_no = format!("{day}220014{}", world.digits(14));
        Ok(self.book.add_trade(Trade {
            order,
            trade_no,
            buyer,
            created,
            expires,
            state: State::Waiting,
            payable: true,
            paid: None,
            closed: None,
            refunded: 0,
            canceled: None,
            cancel_put_off: false,
        }))
    }

    /// Whose trades a request is about.
    pub(super) fn seller(&self, call: &Call) -> Result<Seller, Refusal> {
        match call.get("app_auth_token") {
            None => Ok(self.identity.seller()),
            Some(token) if token.as_bytes() == self.identity.app_auth_token.expose() => Ok(super::config::Identity::authorized()),
            Some(_) => Err(Refusal::token()),
        }
    }

    /// What a text that a payer brings asks for: an order string, or the address of a page.
    pub(super) fn carried(&mut self, world: &World, text: &str) -> Result<Order, Refusal> {
        let call = Call::of_text(text.split_once('?').map_or(text, |(_, query)| query))?;
        let method = auth::introduced(&call, &self.identity.app_id)?;
        let product = Product::of(method).filter(|product| product.is_carried());
        let product =
            product.ok_or_else(|| Refusal::wrong("isv.invalid-method", "a payer's browser or app does not call this"))?;
        self.verified(world, &call, product.is_carried())?;
        self.order(world, &call, product)
    }

    /// Checks the system parameters and the signature.
    pub(super) fn verified(&mut self, world: &World, call: &Call, carried: bool) -> Result<(), Refusal> {
        let key = self.keys().application.clone();
        let chain = self.chain();
        let application = Application {
            key: &key,
            mode: world.config.alipay.mode,
            app_cert_sn: &chain.application.sn,
            root_cert_sn: &chain.root_sn,
        };
        let window = (!carried).then_some(world.config.alipay.timestamp_window);
        auth::admit(call, &application, &Clock { now: crate::world::unix(world.wall), window })
    }

    /// Reads and checks every field of an order.
    pub(super) fn order(&self, world: &World, call: &Call, product: Product) -> Result<Order, Refusal> {
        let fields = Fields::of(call)?;
        let seller = self.seller(call)?;
        let number = fields.number("out_trade_no")?.ok_or_else(|| Refusal::parameter("out_trade_no", "is required"))?.to_owned();
        let total = fields.amount("total_amount")?;
        if fields.need("subject", 256)?.contains(['/', '=', '&']) {
            return Err(Refusal::parameter("subject", "must not hold / = &"));
        }
        fields.text("body", 128)?;
        fields.text("passback_params", 512)?;
        let code = fields.text("product_code", 64)?;
        if code.is_some_and(|code| !product.codes().contains(&code)) || (code.is_none() && product == Product::Page) {
            return Err(Refusal::parameter("product_code", format!("must be {}", product.codes().join(" or "))));
        }
        if fields.text("seller_id", 28)?.is_some_and(|said| said != seller.id) {
            return Err(Refusal::parameter("seller_id", "is not this merchant"));
        }
        if product == Product::Create
            && ["buyer_id", "buyer_open_id", "op_app_id"].iter().all(|name| fields.text(name, 128).ok().flatten().is_none())
        {
            return Err(Refusal::parameter("buyer_id", "is required, or buyer_open_id"));
        }
        if product == Product::Barcode {
            payers_code(&fields)?;
        }
        let expiry = expiry(&fields, product, world.unix())?;
        let url = |name: &str| match call.get(name) {
            None => Ok(None),
            Some(url) if url.len() <= 256 && (url.starts_with("http://") || url.starts_with("https://")) => {
                Ok(Some(url.to_owned()))
            }
            Some(_) => {
                Err(Refusal::wrong("isv.invalid-parameter", format!("参数无效: {name} must be an address of http or https")))
            }
        };
        let (notify_url, return_url) = (url("notify_url")?, url("return_url")?);
        let certified = call.get("app_cert_sn").is_some();
        Ok(Order { seller, number, product, first: fields.whole(), total, expiry, notify_url, return_url, certified })
    }
}

/// The answer's fields of an offer.
pub(super) fn offered(offer: &Offer) -> serde_json::Value {
    json!({"code": "10000", "msg": "Success", "out_trade_no": offer.order.number, "qr_code": format!("{QR_CODE}{}", offer.code)})
}

fn inconsistent() -> Refusal {
    Refusal::business("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
}

fn late() -> Refusal {
    Refusal::business("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR", "当前时间已超过允许支付的时间")
}

/// `time_expire` wins over `timeout_express`.
fn expiry(fields: &Fields, product: Product, now: i64) -> Result<Expiry, Refusal> {
    const HOUR: i64 = 3600;
    if let Some(text) = fields.text("time_expire", 32)? {
        let at = times::unix_of(text).ok_or_else(|| Refusal::parameter("time_expire", "must be yyyy-MM-dd HH:mm:ss"))?;
        return if at <= now { Err(late()) } else { Ok(Expiry::At(at)) };
    }
    let Some(text) = fields.text("timeout_express", 6)? else {
        let face_to_face = matches!(product, Product::QrCode | Product::Barcode);
        return Ok(Expiry::After(if face_to_face { 3 * HOUR } else { 15 * 24 * HOUR }));
    };
    let wrong = || Refusal::parameter("timeout_express", "must be 1m to 15d, or 1c");
    if text == "1c" {
        return Ok(Expiry::EndOfDay);
    }
    let (count, unit) = text.split_at_checked(text.len() - 1).ok_or_else(wrong)?;
    let unit = match unit {
        "m" => 60,
        "h" => HOUR,
        "d" => 24 * HOUR,
        _ => return Err(wrong()),
    };
    let digits = count.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = count.parse::<i64>().ok().filter(|_| digits).map(|count| count * unit).ok_or_else(wrong)?;
    if (60..=15 * 24 * HOUR).contains(&seconds) { Ok(Expiry::After(seconds)) } else { Err(wrong()) }
}

/// The payer's code: 16 to 24 digits that begin with 25 to 30, or of a face 35 characters that begin with `fp`.
fn payers_code(fields: &Fields) -> Result<(), Refusal> {
    let code = fields.need("auth_code", 64)?;
    let digits = (16..=24).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    let bar = digits && code.get(..2).is_some_and(|first| ("25"..="30").contains(&first));
    let face = code.len() == 35 && code.starts_with("fp");
    match fields.text("scene", 32)? {
        None | Some("bar_code") if bar => Ok(()),
        Some("security_code") if face => Ok(()),
        None | Some("bar_code" | "security_code") => Err(Refusal::business("ACQ.PAYMENT_AUTH_CODE_INVALID", "支付授权码无效")),
        Some(_) => Err(Refusal::parameter("scene", "must be bar_code or security_code")),
    }
}
