//! Notices: what became of a trade, posted as a signed form to its `backUrl`.

use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::Form;

use super::chain::Signer;
use super::seal::{Fields, sealed};
use super::{UnionPay, objects};
use crate::fault::CallbackFault;
use crate::letter::{Letter, News, Sealed};
use crate::meddle::Forgery;
use crate::world::World;

/// A notice with what it says.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) id: String,
    letter: Arc<Notice>,
}

/// A notice on its way.
#[derive(Debug)]
struct Notice {
    fields: Fields,
    url: String,
    signer: Arc<Signer>,
    waits: Arc<[Duration]>,
}

/// Tells how a trade ended. A failed try of a payer's is no end, and is not told.
pub(super) fn tell(face: &mut UnionPay, world: &mut World, at: usize) {
    let Some(trade) = face.book.trades.get(at) else { return };
    let Some(fields) = objects::told(trade, face.orig(trade)) else { return };
    let letter = Arc::new(Notice {
        fields,
        url: trade.says("backUrl").to_owned(),
        signer: face.signer(),
        waits: face.config.notice_waits.clone().into(),
    });
    let id = format!("up_{}", world.letters(24));
    world.news.push(News { id: id.clone(), skew: world.skew, letter: letter.clone() });
    face.told.push(Told { id, letter });
}

impl Told {
    /// The notice on its way once more.
    pub(super) fn again(&self) -> News {
        News { id: self.id.clone(), skew: 0, letter: self.letter.clone() }
    }

    pub(super) fn fields(&self) -> &Fields {
        &self.letter.fields
    }
}

impl Letter for Notice {
    fn sealed(&self, _at: i64, _attempt: u32, how: CallbackFault) -> Sealed {
        let forgery = match how {
            CallbackFault::BadSignature | CallbackFault::SignProbe => Some(Forgery::Broken),
            CallbackFault::OtherSecret => Some(Forgery::OtherKey),
            CallbackFault::OtherName => Some(Forgery::OtherName),
            CallbackFault::OutOfTime => Some(Forgery::OutOfTime),
            CallbackFault::Pass
            | CallbackFault::Duplicate
            | CallbackFault::Late { .. }
            | CallbackFault::Early
            | CallbackFault::Reordered
            | CallbackFault::Missing => None,
        };
        let fields = sealed(self.fields.clone(), &self.signer, forgery);
        let body = Form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        Sealed { headers: vec![("content-type", "application/x-www-form-urlencoded;charset=UTF-8".to_owned())], body }
    }

    fn address(&self) -> Option<&str> {
        Some(&self.url)
    }

    fn taken_by(&self, status: u16, _body: &[u8]) -> bool {
        matches!(status, 200 | 302)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn waits(&self) -> Arc<[Duration]> {
        self.waits.clone()
    }
}
