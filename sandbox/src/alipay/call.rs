//! A request as the gateway reads it: the parameters of query and body in one, and the text that their signature is of.

use std::collections::BTreeMap;

use http::{Method, header};
use paysluice::adapter::{Form, Request};

use super::errors::Refusal;
use crate::target;

/// The parameters of a request, decoded once.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    parameters: BTreeMap<String, String>,
    /// Whether the charset of the body was told where the gateway looks before it decodes it.
    charset_told: bool,
}

impl Call {
    /// Reads query and, if it is a form, body. One name with two values is refused.
    pub(super) fn read(request: &Request) -> Result<Self, Refusal> {
        let query = target::split(&request.url).1;
        let mut call = Self::of_text(query)?;
        let kind = request.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.to_ascii_lowercase();
        call.charset_told = kind.contains("charset=") || call.get("charset").is_some();
        let form = kind.split(';').next().unwrap_or_default().trim() == "application/x-www-form-urlencoded";
        if request.method == Method::POST && form {
            call.add(&request.body)?;
        }
        Ok(call)
    }

    /// Reads the text of a query: an order string, or what follows the `?` of an address.
    pub(super) fn of_text(text: &str) -> Result<Self, Refusal> {
        let mut call = Self { charset_told: true, ..Self::default() };
        call.add(text.as_bytes())?;
        Ok(call)
    }

    fn add(&mut self, form: &[u8]) -> Result<(), Refusal> {
        let invalid = |issue: String| Refusal::wrong("isv.invalid-parameter", issue).unsigned();
        let form = Form::read(form).map_err(|why| invalid(why.to_string()))?;
        for (name, value) in form.fields() {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
            let (Ok(name), Ok(value)) = (text(name), text(value)) else {
                return Err(Refusal::wrong("isv.invalid-charset", "编码集错误: only utf-8 is spoken here").unsigned());
            };
            match self.parameters.insert(name.clone(), value.clone()) {
                Some(other) if other != value => {
                    return Err(invalid(format!("{name}: has one value in the query, another in the body")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A parameter that has a value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `name=value` of everything but `sign` that has a value, in the order of the names' bytes, joined by `&`.
    pub(super) fn signed_text(&self) -> String {
        let signed = self.parameters.iter().filter(|(name, value)| *name != "sign" && !value.is_empty());
        signed.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }

    /// Whether the gateway reads the letters as they were written: what is not ASCII needs a charset in the address or the head.
    pub(super) fn legible(&self) -> bool {
        self.charset_told || self.parameters.values().all(|value| value.is_ascii())
    }
}
