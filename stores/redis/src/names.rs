//! The names of keys: all of an account carry one hash tag, so that one script may touch them on a cluster.

use paysluice::store::{Key, OpId, Space};

/// `prefix:{account}:name`. An account's text holds no braces, so that the tag is the account.
pub(crate) fn tagged(prefix: &str, account: &str, name: &str) -> String {
    format!("{prefix}:{{{account}}}:{name}")
}

/// The set of all spaces there ever were; the one key that is of no account.
pub(crate) fn spaces(prefix: &str) -> String {
    format!("{prefix}:spaces")
}

/// What begins the names of a space's rows.
pub(crate) fn rows(prefix: &str, space: &Space) -> String {
    of(prefix, space, "row") + ":"
}

pub(crate) fn row(prefix: &str, key: &Key) -> Vec<u8> {
    let mut name = rows(prefix, &key.space).into_bytes();
    name.extend(member(key));
    name
}

/// The indexes of a space, in the order in which the scripts know them: list, due, kept, kept and due, and the list of what
/// is or will be due.
pub(crate) fn indexes(prefix: &str, space: &Space) -> [String; 5] {
    ["list", "due", "kept", "kept-due", "open"].map(|index| of(prefix, space, index))
}

pub(crate) fn last_version(prefix: &str, space: &Space) -> String {
    tagged(prefix, &space.account.to_string(), "ver")
}

pub(crate) fn answer(prefix: &str, space: &Space, op: OpId) -> String {
    tagged(prefix, &space.account.to_string(), &format!("op:{:032x}", op.0))
}

fn of(prefix: &str, space: &Space, what: &str) -> String {
    tagged(prefix, &space.account.to_string(), &format!("{what}:{}", space.kind.name()))
}

const END: [u8; 2] = [0, 1];
const ZERO: [u8; 2] = [0, 255];

/// Part and id as one word that sorts as the pair does: the part ends with 00 01, and a 00 within it is 00 FF.
pub(crate) fn member(key: &Key) -> Vec<u8> {
    let mut member = Vec::with_capacity(key.part.len() + key.id.len() + END.len());
    for byte in key.part.bytes() {
        if byte == 0 { member.extend(ZERO) } else { member.push(byte) }
    }
    member.extend(END);
    member.extend(key.id.bytes());
    member
}

/// The key of which that is the member; `None` if it is of none.
pub(crate) fn key(space: &Space, member: &[u8]) -> Option<Key> {
    let end = member.windows(END.len()).position(|pair| pair == END)?;
    let (part, id) = (member.get(..end)?, member.get(end + END.len()..)?);
    let mut bytes = part.iter().copied();
    let mut part = Vec::with_capacity(end);
    while let Some(byte) = bytes.next() {
        part.push(byte);
        if byte == 0 {
            bytes.next();
        }
    }
    Some(Key { space: space.clone(), part: String::from_utf8(part).ok()?, id: String::from_utf8(id.to_vec()).ok()? })
}

#[cfg(test)]
mod tests {
    use paysluice::model::{AccountRef, Mode};
    use paysluice::store::SpaceKind;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn members_sort_as_the_pairs_do_and_read_back(a in "[\0\u{1}a\u{ff}é]{1,4}", b in "[\0\u{1}a\u{ff}é]{1,4}", c in "[\0\u{1}a]{1,3}", d in "[\0\u{1}a]{1,3}") {
            let space = Space::new(SpaceKind::Intent, &AccountRef::new("p", Mode::Test, "m").unwrap());
            let [one, two] = [(a, c), (b, d)].map(|(part, id)| Key { space: space.clone(), part, id });
            prop_assert_eq!(one.cmp(&two), member(&one).cmp(&member(&two)));
            prop_assert_eq!(key(&space, &member(&one)), Some(one));
        }
    }
}
