//! How answers are written: what is signed, how slashes stand, what the head says.

use super::*;
use crate::AlipaySlashes;

async fn offered(slashes: AlipaySlashes) -> (Shop, Heard) {
    let shop = Shop::with(AlipayConfig { slashes, ..AlipayConfig::default() });
    let heard = shop.send(shop.said("alipay.trade.precreate", &Shop::order("order1"))).await;
    (shop, heard)
}

#[tokio::test(start_paused = true)]
async fn the_signature_is_over_the_node_as_it_stands_slashes_included() {
    for (slashes, written, genuine) in [
        (AlipaySlashes::Plain, "https://qr.alipay.com/bax", true),
        (AlipaySlashes::Escaped, r"https:\/\/qr.alipay.com\/bax", true),
        (AlipaySlashes::EscapedAfterSigning, r"https:\/\/qr.alipay.com\/bax", false),
    ] {
        let (shop, heard) = offered(slashes).await;
        assert!(heard.text.contains(written), "{}", heard.text);
        assert_eq!(heard.genuine, genuine, "{slashes:?}");
        // The official second try: once more with the plain slash.
        assert!(shop.heard(200, &heard.text.replace(r"\/", "/")).genuine == (slashes != AlipaySlashes::Escaped), "{slashes:?}");
        assert!(heard.at("qr_code").starts_with("https://qr.alipay.com/bax"));
    }
}

#[tokio::test(start_paused = true)]
async fn json_comes_under_the_name_of_html_with_a_trace() {
    let shop = Shop::new();
    let request = Shop::request(&shop.signed(shop.said("alipay.trade.query", &json!({"out_trade_no": "order1"}))));
    let reply = shop.transport.send(request, LIMITS).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, Some("text/html;charset=utf-8")));
    assert_eq!(reply.header("trace_id").map(str::len), Some(32));
    assert!(reply.body.starts_with(b"{\"alipay_trade_query_response\":{"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_names_its_certificate_between_node_and_signature() {
    let mut shop = Shop::new();
    shop.certified = true;
    let heard = shop.query("order1").await;
    let sn = &shop.credentials.alipay_cert_sn;
    assert!(heard.text.contains(&format!("}},\"alipay_cert_sn\":\"{sn}\",\"sign\":\"")), "{}", heard.text);
}
