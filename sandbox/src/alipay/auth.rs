//! Who asks: the system parameters in the gateway's order, the application's signature last.

use std::time::Duration;

use super::call::Call;
use super::config::AlipayMode;
use super::errors::{Refusal, escaped};
use super::times;
use crate::wechatpay::keys::Rsa;

/// The methods that are answered here.
pub(super) const METHODS: &[&str] = &[
    "alipay.trade.page.pay",
    "alipay.trade.wap.pay",
    "alipay.trade.app.pay",
    "alipay.trade.precreate",
    "alipay.trade.pay",
    "alipay.trade.create",
    "alipay.trade.query",
    "alipay.trade.close",
    "alipay.trade.cancel",
    "alipay.trade.refund",
    "alipay.trade.fastpay.refund.query",
    "alipay.open.app.alipaycert.download",
];

/// What a good request must say.
pub(super) struct Application<'a> {
    pub(super) key: &'a Rsa,
    pub(super) mode: AlipayMode,
    pub(super) app_cert_sn: &'a str,
    pub(super) root_cert_sn: &'a str,
}

/// When a request is checked: our unix time, and how far its own may lie from it. Nobody's time is checked if a payer carries it.
pub(super) struct Clock {
    pub(super) now: i64,
    pub(super) window: Option<Duration>,
}

/// The method, once the gateway knows who the application is; a refusal before that is not signed.
pub(super) fn introduced<'a>(call: &'a Call, app_id: &str) -> Result<&'a str, Refusal> {
    let said = call.get("app_id").ok_or_else(|| Refusal::missing("isv.missing-app-id", "缺少AppID参数").unsigned())?;
    if said != app_id {
        return Err(Refusal::wrong("isv.invalid-app-id", "无效的AppID参数").unsigned());
    }
    let method = call.get("method").ok_or_else(|| Refusal::missing("isv.missing-method", "缺少方法名参数").unsigned())?;
    if METHODS.contains(&method) {
        Ok(method)
    } else {
        Err(Refusal::wrong("isv.invalid-method", "不存在的方法名").unsigned())
    }
}

/// Checks what is left of the system parameters, then the signature.
pub(super) fn admit(call: &Call, application: &Application<'_>, clock: &Clock) -> Result<(), Refusal> {
    let need =
        |name: &str, sub_code: &'static str| call.get(name).ok_or_else(|| Refusal::missing(sub_code, format!("缺少{name}参数")));
    if call.get("format").is_some_and(|format| !format.eq_ignore_ascii_case("json")) {
        return Err(Refusal::wrong("isv.invalid-format", "无效的数据格式: format must be JSON"));
    }
    // UNVERIFIED what a request without a charset meets; GBK, which the real gateway speaks too, is not spoken here.
    if !call.get("charset").is_some_and(|charset| charset.eq_ignore_ascii_case("utf-8")) {
        return Err(Refusal::wrong("isv.invalid-charset", "字符集错误: charset must be utf-8"));
    }
    if need("sign_type", "isv.missing-signature-type")? != "RSA2" {
        return Err(Refusal::wrong("isv.invalid-signature-type", "无效的签名类型: sign_type must be RSA2"));
    }
    let sign = need("sign", "isv.missing-signature")?;
    let at = need("timestamp", "isv.missing-timestamp")?;
    if need("version", "isv.missing-version")? != "1.0" {
        return Err(Refusal::wrong("isv.invalid-parameter", "参数无效: version must be 1.0"));
    }
    in_time(at, clock)?;
    if call.get("encrypt_type").is_some() {
        return Err(Refusal::wrong("isv.invalid-encrypt-type", "无效的加密类型: nothing is encrypted here"));
    }
    certified(call, application)?;
    let text = call.signed_text();
    // Letters that were read in the wrong charset are others than those that were signed.
    if call.legible() && application.key.verifies(text.as_bytes(), sign) {
        return Ok(());
    }
    let message = format!("验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为：{}", escaped(&text));
    Err(Refusal::wrong("isv.invalid-signature", message))
}

fn in_time(at: &str, clock: &Clock) -> Result<(), Refusal> {
    let wrong = |why: &str| Refusal::wrong("isv.invalid-timestamp", format!("非法的时间戳参数: {why}"));
    let at = times::unix_of(at).ok_or_else(|| wrong("timestamp must be yyyy-MM-dd HH:mm:ss"))?;
    match clock.window {
        Some(window) if at.abs_diff(clock.now) > window.as_secs() => Err(wrong("timestamp must be Beijing's time of now")),
        _ => Ok(()),
    }
}

/// A request names its certificates, or none, as the application is set up. What is missing here is 40002, not 40001.
fn certified(call: &Call, application: &Application<'_>) -> Result<(), Refusal> {
    let (app, root) = (call.get("app_cert_sn"), call.get("alipay_root_cert_sn"));
    match (application.mode, app) {
        (AlipayMode::PublicKey | AlipayMode::Both, None) => return Ok(()),
        (AlipayMode::Certificates, None) => return Err(Refusal::wrong("isv.missing-app-cert-sn", "缺少应用公钥证书序列号")),
        (AlipayMode::Certificates | AlipayMode::Both, Some(sn)) if sn == application.app_cert_sn => {}
        (_, Some(_)) => {
            return Err(Refusal::wrong("isv.app-cert-not-exist", "应用公钥证书不存在: app_cert_sn is not this application's"));
        }
    }
    match root {
        None => Err(Refusal::wrong("isv.missing-alipay-root-cert-sn", "缺少支付宝根证书序列号")),
        Some(sn) if sn == application.root_cert_sn => Ok(()),
        Some(_) => Err(Refusal::wrong("isv.invalid-alipay-root-cert-sn", "支付宝根证书序列号不匹配")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::alipay::vectors::{self, Vector};

    fn application<'a>(key: &'a Rsa, vector: &'a Vector) -> Application<'a> {
        let said = |name: &str| vector.said(name);
        Application {
            key,
            mode: if said("app_cert_sn").is_empty() { AlipayMode::PublicKey } else { AlipayMode::Certificates },
            app_cert_sn: said("app_cert_sn"),
            root_cert_sn: said("alipay_root_cert_sn"),
        }
    }

    /// yansongda/pay's published request, and those signed by the rules of the official Node SDK.
    #[test]
    fn published_requests_are_let_in_and_nothing_that_differs_from_them() {
        for vector in vectors::requests() {
            let key = Rsa::from_pem(vector.private_key).unwrap();
            let application = application(&key, &vector);
            let at = Clock { now: times::unix_of("2023-12-21 06:54:37").unwrap(), window: Some(Duration::from_secs(1)) };
            let call = Call::of_text(&vector.form()).unwrap();
            assert_eq!(call.signed_text(), vector.canonical, "{}", vector.name);
            assert_eq!(introduced(&call, vector.said("app_id")).unwrap(), call.get("method").unwrap());
            assert!(admit(&call, &application, &at).is_ok(), "{}", vector.name);
            let later = Clock { now: at.now + 2, window: at.window };
            assert_eq!(admit(&call, &application, &later).unwrap_err().sub_code(), "isv.invalid-timestamp");
            for (name, value) in &vector.parameters {
                if ["biz_content", "notify_url", "return_url"].contains(&name.as_str()) {
                    let other = vector.form().replace(&vectors::encoded(value), &vectors::encoded(&format!("{value} ")));
                    let refused = admit(&Call::of_text(&other).unwrap(), &application, &at).unwrap_err();
                    assert_eq!(refused.sub_code(), "isv.invalid-signature", "{name}");
                }
            }
        }
    }
}
