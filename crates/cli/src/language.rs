//! The language of the terminal, for sentences about rotations.
//!
//! All else that commands print is in English, whatever the terminal speaks.

use std::env;

use csms_core::{Language, rotation::Message};

/// The language that the environment asks for: `LC_ALL`, else `LC_MESSAGES`, else `LANG`, as everywhere; Chinese if it begins
/// with `zh`, otherwise English.
pub(crate) fn of_terminal() -> Language {
    let set = |name| env::var(name).ok().filter(|tag| !tag.is_empty());
    let tag = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    Language::from_tag(&tag.unwrap_or_default())
}

/// A message in the language of the terminal.
pub(crate) fn in_terminal(message: &Message) -> String {
    message.sentence_in(of_terminal()).unwrap_or_else(|| message.english())
}
