//! Which key signs, how certificates are listed, and how they change.

use super::*;
use crate::Trust;

async fn signed_by(shop: &Shop) -> String {
    let answer = shop.send(shop.request(Method::GET, "/v3/certificates", "")).await;
    answer.reply.header("wechatpay-serial").unwrap().to_owned()
}

async fn listed(shop: &Shop) -> Vec<(String, Vec<u8>)> {
    let answer = shop.get("/v3/certificates").await;
    let each = |one: &Value| {
        let kept = &one["encrypt_certificate"];
        assert_eq!(
            (kept["algorithm"].as_str(), kept["associated_data"].as_str()),
            (Some("AEAD_AES_256_GCM"), Some("certificate"))
        );
        (one["serial_no"].as_str().unwrap().to_owned(), shop.decrypted(kept))
    };
    answer.json["data"].as_array().unwrap().iter().map(each).collect()
}

#[tokio::test(start_paused = true)]
async fn certificates_are_listed_encrypted_under_their_serials() {
    let shop = Shop::new();
    let list = listed(&shop).await;
    let known = shop.sandbox.wechatpay().certificates();
    assert_eq!(list, [(known[0].0.clone(), known[0].1.clone().into_bytes())]);
    // A leading zero is part of a serial's name.
    assert!(known[0].0.starts_with("0C") && known[0].0.len() == 40);
    let der = der(&known[0].1);
    let serial = hex::decode(&known[0].0).unwrap();
    assert!(der.windows(22).any(|window| window[..2] == [2, 20] && window[2..] == serial[..]));
}

#[tokio::test(start_paused = true)]
async fn answers_are_signed_by_the_key_that_the_request_names() {
    let mut shop = Shop::new();
    let certificate = shop.sandbox.wechatpay().certificates()[0].0.clone();
    assert_eq!(signed_by(&shop).await, shop.credentials.public_key_id);
    shop.serial = Some(certificate.clone());
    assert_eq!(signed_by(&shop).await, certificate);
    shop.serial = None;
    assert_eq!(signed_by(&shop).await, certificate);
    shop.serial = Some("PUB_KEY_ID_0".to_owned());
    assert_eq!(code(&shop.get("/v3/certificates").await), (400, "PARAM_ERROR"));
}

#[tokio::test(start_paused = true)]
async fn a_merchant_has_the_keys_of_its_mode() {
    let with = |trust| Shop::with(WechatPayConfig { trust, ..WechatPayConfig::default() });
    let mut shop = with(Trust::PublicKey);
    assert_eq!(code(&shop.get("/v3/certificates").await), (404, "RESOURCE_NOT_EXISTS"));
    shop.serial = None;
    let answer = shop.query("order1").await;
    assert_eq!(code(&answer), (404, "ORDER_NOT_EXIST"));
    assert_eq!(shop.close("order1").await.reply.header("wechatpay-serial"), Some(shop.credentials.public_key_id.as_str()));
    shop.serial = Some(shop.sandbox.wechatpay().certificates()[0].0.clone());
    assert_eq!(code(&shop.close("order1").await), (400, "PARAM_ERROR"));
    let shop = with(Trust::Certificates);
    assert_eq!(code(&shop.close("order1").await), (400, "PARAM_ERROR"));
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_is_listed_a_day_before_it_signs() {
    let mut shop = Shop::new();
    let old = shop.sandbox.wechatpay().certificates()[0].0.clone();
    shop.serial = Some(old.clone());
    let new = shop.sandbox.wechatpay().rotate_certificate();
    assert_ne!(old, new);
    let serials: Vec<String> = listed(&shop).await.into_iter().map(|(serial, _)| serial).collect();
    assert_eq!(serials, [old.clone(), new.clone()]);
    assert_eq!(signed_by(&shop).await, old);
    shop.wait(24 * 3600 + 1).await;
    assert_eq!(signed_by(&shop).await, new);
    shop.serial = Some(new.clone());
    assert_eq!(signed_by(&shop).await, new);
}

#[tokio::test(start_paused = true)]
async fn the_credentials_fit_together() {
    let shop = Shop::new();
    let credentials = &shop.credentials;
    assert_eq!((credentials.api_v3_key.len(), credentials.merchant_serial.len()), (32, 40));
    let serial = hex::decode(&credentials.merchant_serial).unwrap();
    let certificate = der(&credentials.merchant_certificate);
    assert!(certificate.windows(20).any(|window| window == serial));
    let message = shop.sign("message");
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_of(&credentials.merchant_certificate));
    assert!(key.verify(b"message", &STANDARD.decode(message).unwrap()).is_ok());
    assert!(!format!("{credentials:?}").contains("PRIVATE"));
}
