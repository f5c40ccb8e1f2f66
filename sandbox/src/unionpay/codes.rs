//! UnionPay's answer codes with their sentences, and refusals.

/// A request that is refused: nothing was done.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    /// What stands behind the code's sentence: a number in brackets, and a hint.
    pub(super) detail: String,
    /// Who asks is not even known: the answer is not signed.
    pub(super) anonymous: bool,
}

impl Refusal {
    pub(super) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), anonymous: false }
    }

    /// A field breaks a rule.
    pub(super) fn format(field: &str, rule: &str) -> Self {
        Self::new("10", format!("[6100030]{field} {rule}"))
    }

    pub(super) fn missing(field: &str) -> Self {
        Self::new("13", format!("[6100031]{field}"))
    }

    /// The signature is not the merchant's of these fields.
    pub(super) fn signature(hint: &str) -> Self {
        Self::new("11", format!("[9100004]{hint}"))
    }

    pub(super) fn duplicate(hint: &str) -> Self {
        Self::new("12", format!("[2040004]{hint}"))
    }

    pub(super) fn anonymous(code: &'static str, detail: impl Into<String>) -> Self {
        Self { anonymous: true, ..Self::new(code, detail) }
    }

    pub(super) fn message(&self) -> String {
        format!("{}{}", sentence(self.code), self.detail)
    }
}

/// `respMsg` of a code that has nothing to add.
pub(super) fn message(code: &str) -> String {
    match code {
        "00" | "A6" => format!("{}[0000000]", sentence(code)),
        code => format!("{}[20000{code}]", sentence(code)),
    }
}

fn sentence(code: &str) -> &'static str {
    match code {
        "00" => "成功",
        "02" => "系统未开放或暂时关闭，请稍后再试",
        "03" => "交易通讯超时，请发起查询交易",
        "04" => "交易状态未明，请查询对账结果",
        "05" => "交易已受理，请稍后查询交易结果",
        "10" => "报文格式错误",
        "11" => "验证签名失败",
        "12" => "重复交易",
        "13" => "报文交易要素缺失",
        "31" => "商户状态不正确",
        "32" => "无此交易权限",
        "34" => "查无此交易",
        "35" => "原交易不存在或状态不正确",
        "36" => "与原交易信息不符",
        "37" => "已超过最大查询次数或操作过于频繁",
        "39" => "交易不在受理时间范围内",
        "42" => "扣款成功但交易超过规定支付时间",
        "45" => "原交易已被成功退货或已被成功撤销",
        "60" => "交易失败，详情请咨询您的发卡行",
        "61" => "输入的卡号无效，请确认后输入",
        "63" => "卡状态不正确",
        "64" => "卡上的余额不足",
        "65" => "输入的密码、有效期或CVN2有误，交易失败",
        "69" => "交易超时",
        "A6" => "有缺陷的成功",
        _ => "交易失败，详情请咨询95516",
    }
}
