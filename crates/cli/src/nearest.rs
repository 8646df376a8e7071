//! The name that somebody probably meant.

/// Least likeness of a name that is worth a suggestion, from 0 to 1.
const ALIKE: f64 = 0.8;

/// The name that is most like `given`, if any is like it.
pub(crate) fn nearest<'n>(given: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let given = given.to_lowercase();
    let rated = names.into_iter().map(|name| (strsim::jaro_winkler(&given, &name.to_lowercase()), name));
    let best = rated.filter(|(likeness, _)| *likeness >= ALIKE).max_by(|one, other| one.0.total_cmp(&other.0));
    best.map(|(_, name)| name)
}

/// The name that `given` misspells: at most two characters are added, left out, replaced or swapped, and no more than a third of
/// them.
pub fn misspelt<'n>(given: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let most = usize::min(2, given.chars().count() / 3);
    let rated = names.into_iter().map(|name| (strsim::damerau_levenshtein(given, name), name));
    rated.filter(|(changes, _)| *changes <= most).min_by_key(|(changes, _)| *changes).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_found_and_a_strange_one_is_not() {
        let names = ["CreateSecret", "DeleteSecret", "ListKeys"];
        assert_eq!(nearest("createsecrt", names), Some("CreateSecret"));
        assert_eq!(nearest("LstKeys", names), Some("ListKeys"));
        assert_eq!(nearest("zzz", names), None);
    }

    #[test]
    fn a_name_of_its_own_misspells_none() {
        let names = ["DATA", "CA", "LISTEN", "SECRET_QUOTA"];
        let found = ["LISTN", "LISETN", "SECRETS_QUOTE", "DATABASE", "CI"].map(|given| misspelt(given, names));
        assert_eq!(found, [Some("LISTEN"), Some("LISTEN"), Some("SECRET_QUOTA"), None, None]);
    }
}
