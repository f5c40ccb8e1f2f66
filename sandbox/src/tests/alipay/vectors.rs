//! Published and derived requests and notices, with the text that their signatures are of (`vectors/vectors.json` names the sources).

use serde_json::Value;

/// A signed request or notice.
pub(crate) struct Vector {
    pub(crate) name: String,
    /// PEM of the key that signed; empty where it is not known.
    pub(crate) private_key: &'static str,
    /// Without `sign` in a request.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) canonical: String,
    pub(crate) sign: String,
}

impl Vector {
    pub(crate) fn said(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    /// The request as a form.
    pub(crate) fn form(&self) -> String {
        let fields = self.parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        fields.chain([format!("sign={}", encoded(&self.sign))]).collect::<Vec<_>>().join("&")
    }
}

pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub(crate) fn requests() -> Vec<Vector> {
    let requests: Vec<Vector> = all().into_iter().filter(|vector| !vector.private_key.is_empty()).collect();
    assert_eq!(requests.len(), 3);
    requests
}

pub(crate) fn notices() -> Vec<Vector> {
    let notices: Vec<Vector> = all().into_iter().filter(|vector| vector.name.starts_with("notify")).collect();
    assert_eq!(notices.len(), 2);
    notices
}

fn all() -> Vec<Vector> {
    let read: Vec<Value> = serde_json::from_str(include_str!("vectors/vectors.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let vector = |one: &Value| Vector {
        name: text(&one["id"]),
        private_key: match one["id"].as_str().unwrap() {
            "request-sign-cert-mode" => include_str!("vectors/yansongda_app_private_key_pkcs1.pem"),
            "request-sign-key-mode" | "order-string-app-pay" => include_str!("vectors/node_app_private_key_pkcs1.pem"),
            _ => "",
        },
        parameters: one["params"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        canonical: text(&one["canonical"]),
        sign: text(&one["sign"]),
    };
    read.iter().map(vector).collect()
}
