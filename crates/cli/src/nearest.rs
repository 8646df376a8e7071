//! The name that somebody probably meant.

/// Least likeness of a name that is worth a suggestion, from 0 to 1.
const ALIKE: f64 = 0.8;

/// The name that is most like `given`, if any is like it.
pub fn nearest<'n>(given: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let given = given.to_lowercase();
    let rated = names.into_iter().map(|name| (strsim::jaro_winkler(&given, &name.to_lowercase()), name));
    let best = rated.filter(|(likeness, _)| *likeness >= ALIKE).max_by(|one, other| one.0.total_cmp(&other.0));
    best.map(|(_, name)| name)
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
}
