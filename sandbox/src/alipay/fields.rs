//! `biz_content`, read field by field. What is not known is ignored, as Alipay does.

use serde_json::{Map, Value};

use super::amounts;
use super::call::Call;
use super::errors::Refusal;

/// The fields of a request.
pub(super) struct Fields {
    map: Map<String, Value>,
}

impl Fields {
    pub(super) fn of(call: &Call) -> Result<Self, Refusal> {
        let Some(text) = call.get("biz_content") else { return Err(Refusal::parameter("biz_content", "is required")) };
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) => Ok(Self { map }),
            _ => Err(Refusal::wrong("isv.illegal-json", "biz_content must be a JSON object")),
        }
    }

    pub(super) fn whole(self) -> Value {
        Value::Object(self.map)
    }

    /// A text of at most so many characters; an empty one is none.
    pub(super) fn text(&self, name: &str, longest: usize) -> Result<Option<&str>, Refusal> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= longest => Ok(Some(text)),
            Some(_) => Err(Refusal::parameter(name, format!("must be a text of at most {longest} characters"))),
        }
    }

    pub(super) fn need(&self, name: &str, longest: usize) -> Result<&str, Refusal> {
        self.text(name, longest)?.ok_or_else(|| Refusal::parameter(name, "is required"))
    }

    /// A merchant's number: letters, digits and underscores.
    pub(super) fn number(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let number = self.text(name, 64)?;
        match number {
            Some(number) if !number.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
                Err(Refusal::parameter(name, "must be letters, digits and underscores"))
            }
            number => Ok(number),
        }
    }

    /// An amount in fen.
    pub(super) fn amount(&self, name: &str) -> Result<i64, Refusal> {
        let value = self.map.get(name).ok_or_else(|| Refusal::parameter(name, "is required"))?;
        amounts::fen(value).ok_or_else(|| Refusal::parameter(name, "must be yuan with two decimals, from 0.01 to 100000000"))
    }

    /// Whether a list holds that word.
    pub(super) fn asks(&self, name: &str, word: &str) -> bool {
        self.map.get(name).and_then(Value::as_array).is_some_and(|words| words.iter().any(|one| one == word))
    }
}
