//! UnionPay's published test certificate and requests signed with it, in `vectors/`: the face lets them in.

use paysluice::model::Secret;
use paysluice::transport::Transport;

use super::*;
use crate::UnionPayMerchant;

const CERTIFICATE: &str = include_str!("vectors/merchant.certificate.pem");

/// The request of that name, in a sandbox of its merchant and its second.
async fn sent(id: &str, change: Option<(&str, &str)>) -> (String, Fields) {
    let vectors: Value = serde_json::from_str(include_str!("vectors/requests.json")).unwrap();
    let vector = vectors.as_array().unwrap().iter().find(|vector| vector["id"] == id).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut fields: Fields =
        vector["params"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect();
    assert_eq!(String::from_utf8(text_of(&fields)).unwrap(), text(&vector["canonical"]));
    fields.insert("signature".to_owned(), text(&vector["signature"]));
    if let Some((name, value)) = change {
        fields.insert(name.to_owned(), value.to_owned());
    }
    let time = &fields["txnTime"];
    let sent: Timestamp =
        jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", time).map(|at| Offset::constant(8).to_timestamp(at).unwrap()).unwrap();
    let env = Env::simulated(7, SystemTime::UNIX_EPOCH + Duration::from_secs(sent.as_second().try_into().unwrap()));
    let merchant = UnionPayMerchant { certificate: CERTIFICATE.to_owned(), private_key: Secret::new("") };
    let unionpay = UnionPayConfig { mer_id: fields["merId"].clone(), merchant: Some(merchant), ..UnionPayConfig::default() };
    let sandbox = Sandbox::new(env, SandboxConfig { unionpay, ..SandboxConfig::default() });
    assert_eq!(sandbox.unionpay().credentials().cert_id, "69903319369");
    let path = if id == "query-request-sign" { "queryTrans.do" } else { "frontTransReq.do" };
    let transport: Arc<dyn Transport> = sandbox.transport();
    let reply = transport.send(Shop::request(path, &fields), LIMITS).await.unwrap();
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let fields = parsed(&text);
    (text, fields)
}

#[tokio::test(start_paused = true)]
async fn requests_signed_with_the_published_certificate_are_let_in() {
    for id in ["request-sign", "front-consume-request-sign-utf8"] {
        let (page, _) = sent(id, None).await;
        assert!(page.contains("sandboxPayer.do") && !page.contains("respCode"), "{id}: {page}");
    }
    let (_, answer) = sent("query-request-sign", None).await;
    assert_eq!(answer["respCode"], "34");
}

#[tokio::test(start_paused = true)]
async fn a_published_request_with_one_other_byte_is_not() {
    let (page, _) = sent("request-sign", Some(("txnAmt", "2"))).await;
    assert!(page.contains("respCode 11") && page.contains("9100004"), "{page}");
    let (_, answer) = sent("query-request-sign", Some(("orderId", "20220911041648"))).await;
    assert!(answer["respCode"] == "11" && answer["respMsg"].contains("[9100004]"), "{answer:?}");
}
