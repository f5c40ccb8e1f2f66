//! How a payer pays, and when the money is taken.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// When the money is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMode {
    /// With the charge.
    #[default]
    Now,
    /// By a later capture; the charge only reserves.
    Later,
}

/// How the payer pays. No variant holds a card number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// A token the provider's front end made of the payer's means of payment.
    Token(String),
    /// The provider's own front end finishes the payment; the answer carries what it needs.
    Client,
    /// A QR code that the payer scans.
    Qr,
    /// The code on the payer's phone, scanned by the cashier.
    Barcode(String),
    /// The payer's browser is sent to the provider.
    Redirect(Surface),
    /// The provider's app.
    App,
    /// Inside the provider's own app: a mini program, an official account page.
    MiniProgram {
        /// The payer's id there.
        payer: String,
    },
    /// Whatever the adapter documents, as name and fields.
    Raw {
        /// The adapter's name for it.
        kind: String,
        /// Its fields.
        fields: BTreeMap<String, String>,
    },
}

impl Method {
    /// The kind of method, without anything of the payer's.
    pub fn kind(&self) -> &str {
        match self {
            Self::Token(_) => "token",
            Self::Client => "client",
            Self::Qr => "qr",
            Self::Barcode(_) => "barcode",
            Self::Redirect(Surface::Web) => "web",
            Self::Redirect(Surface::Wap) => "wap",
            Self::App => "app",
            Self::MiniProgram { .. } => "mini_program",
            Self::Raw { kind, .. } => kind,
        }
    }
}

impl fmt::Debug for Method {
    /// Prints the kind only: tokens and codes let their bearer pay.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Method({})", self.kind())
    }
}

/// What the payer's browser runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// A computer.
    Web,
    /// A phone.
    Wap,
}
