//! What Paysluice is compared with; the benches themselves are in `benches/`.

pub mod alipay_by_hand;
pub mod by_hand;
pub mod unionpay_by_hand;
pub mod wechatpay_by_hand;
