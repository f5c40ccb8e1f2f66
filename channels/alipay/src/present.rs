//! What is only shown: the address of a page, or the order string for the app. Nothing is sent; the payer carries it.

use paysluice::adapter::{Draft, Ready, Seen, Signed, Stamp};
use paysluice::model::{Action, Error, NextAction, Status};

use crate::Alipay;
use crate::sign::known_format;

impl Alipay {
    /// The parameters of a draft as an action, signed now. The trade comes to be when the payer has logged in.
    pub(crate) fn present(&self, draft: &Draft, stamp: &Stamp) -> Result<Ready<Signed>, Error> {
        known_format(draft)?;
        let parameters = self.parameters(draft, stamp)?.encoded();
        let what = if draft.carry.get("product") == Some("app") {
            NextAction::Invoke([("orderStr".to_owned(), parameters)].into())
        } else {
            NextAction::Redirect(format!("{}?{parameters}", self.gateway()))
        };
        let action = payable(what, draft);
        Ok(Ready::Done(Signed::Present(Box::new(Seen { action: Some(action), ..Seen::status(Status::AwaitingPayer) }))))
    }
}

/// An action that is stale when Alipay stops taking payment.
pub(crate) fn payable(what: NextAction, draft: &Draft) -> Action {
    let action = Action::new(what);
    match draft.closes_at {
        Some(at) => action.until(at),
        None => action,
    }
}
