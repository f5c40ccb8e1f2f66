//! Alipay's refusals: a code for the class, a sub_code for the reason; HTTP 200 in every case.

use serde_json::{Map, Value, json};

/// The gateway's own word for what it does not know.
pub(super) const GATEWAY: &str = "aop.unknow-error";

/// A refusal: what stands in the answer's node.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    code: &'static str,
    sub_code: &'static str,
    sub_msg: String,
    more: Vec<(&'static str, Value)>,
    /// Whether the node is signed: the gateway does not sign what it says to nobody in particular.
    pub(super) signed: bool,
}

impl Refusal {
    fn new(code: &'static str, sub_code: &'static str, sub_msg: impl Into<String>) -> Self {
        Self { code, sub_code, sub_msg: sub_msg.into(), more: Vec::new(), signed: true }
    }

    /// A system parameter is missing: 40001.
    pub(super) fn missing(sub_code: &'static str, sub_msg: impl Into<String>) -> Self {
        Self::new("40001", sub_code, sub_msg)
    }

    /// A system parameter is wrong: 40002.
    pub(super) fn wrong(sub_code: &'static str, sub_msg: impl Into<String>) -> Self {
        Self::new("40002", sub_code, sub_msg)
    }

    /// The token of another merchant is none: 20001.
    pub(super) fn token() -> Self {
        Self::new("20001", "aop.invalid-app-auth-token", "无效的应用授权令牌")
    }

    /// The business does not allow it: 40004.
    pub(super) fn business(sub_code: &'static str, sub_msg: impl Into<String>) -> Self {
        Self::new("40004", sub_code, sub_msg)
    }

    /// A field of `biz_content` breaks a rule.
    pub(super) fn parameter(field: &str, issue: impl AsRef<str>) -> Self {
        Self::business("ACQ.INVALID_PARAMETER", format!("参数无效: {field} {}", issue.as_ref()))
    }

    pub(super) fn no_trade() -> Self {
        Self::business("ACQ.TRADE_NOT_EXIST", "交易不存在")
    }

    /// Nobody knows what became of it: 20000, told by what stands behind the gateway, or, not signed, by the gateway itself.
    pub(super) fn unknown(sub_code: &'static str) -> Self {
        let refusal = Self::new("20000", sub_code, "系统繁忙");
        if sub_code == GATEWAY { refusal.unsigned() } else { refusal }
    }

    pub(super) fn system() -> Self {
        Self::business("ACQ.SYSTEM_ERROR", "系统异常")
    }

    pub(super) fn limited() -> Self {
        Self::new("40005", "isv.app-call-limited", "应用调用次数超限，包含调用频率超限").unsigned()
    }

    pub(super) fn unsigned(self) -> Self {
        Self { signed: false, ..self }
    }

    /// One more field in the node.
    pub(super) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.more.push((name, value));
        self
    }

    /// Whether the gateway itself does not know: such an answer has no name.
    pub(super) fn is_nameless(&self) -> bool {
        self.sub_code == GATEWAY
    }

    #[cfg(test)]
    pub(super) fn sub_code(&self) -> &'static str {
        self.sub_code
    }

    pub(super) fn node(&self) -> Value {
        let msg = match self.code {
            "20000" => "Service Currently Unavailable",
            "20001" => "Insufficient Token Permissions",
            "40001" => "Missing Required Arguments",
            "40002" => "Invalid Arguments",
            "40005" => "Call Limited",
            _ => "Business Failed",
        };
        let mut node: Map<String, Value> = Map::new();
        node.extend(self.more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        for (name, text) in [("code", self.code), ("msg", msg), ("sub_code", self.sub_code), ("sub_msg", &self.sub_msg)] {
            node.insert(name.to_owned(), json!(text));
        }
        Value::Object(node)
    }

    /// The page that a payer's browser shows of it.
    pub(super) fn page(&self) -> String {
        format!(
            "<html><head><meta charset=\"utf-8\"/></head><body><h1>调试错误，请回到请求来源地，重新发起请求。</h1>\
             <p>错误代码 {}</p><p>错误原因: {}</p></body></html>",
            self.sub_code.trim_start_matches("isv."),
            escaped(&self.sub_msg)
        )
    }
}

/// Text within HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
