//! Searches of secrets: by parts of names, by tags and by enterprise project, in tables that triggers derive from the secrets.
//!
//! Each table has its names in order below what is looked for, so that one index finds a page without sorting. Of the things
//! that a filter asks for, the rarest is looked up, and the names found there are checked for the others. Parts of fewer than
//! three characters have no index: if nothing else is asked for, the names of the project are read, without their documents.

use std::{collections::BTreeSet, iter::successors};

use csms_core::{ProjectId, Secret, tag::TagFilter};

use crate::{
    error::{Cause, StoreError},
    record::Page,
    search::{Parameter, Statement},
};

/// The tables of the searches, which no copy of a store takes along.
pub(crate) const TABLES: [&str; 4] = ["search_projects", "secret_trigrams", "trigram_places", "secret_tags"];

/// Key under which the table of tags has enterprise projects. No tag's key begins so.
const ENTERPRISE_PROJECT: &str = "_sys_enterprise_project";

/// The enterprise project of secrets that have no row under that key.
const DEFAULT_ENTERPRISE_PROJECT: &str = "0";

/// Characters of a name's part that is in an index.
const PART: usize = 3;

/// Longest name of a secret.
const LONGEST_NAME: usize = 64;

/// Most parts whose numbers of names are compared.
const MOST_COMPARED: usize = 64;

/// Names up to which those of each part are counted for that at first.
const FEW: i64 = 500;

/// Most names of a part that are counted.
const MOST_OF_ONE: i64 = 8_000;

/// Most names that are counted at a time for all parts together: some milliseconds.
const MOST_OF_ALL: i64 = 72_000;

/// Which secrets to find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretFilter {
    /// Parts of the name, all of which it must have, whatever the case of their ASCII letters. No name has the empty part.
    pub names: Vec<String>,
    /// Tags, all of which the secret must have.
    pub tags: Vec<TagFilter>,
    /// The enterprise project that it must be in.
    pub enterprise_project: Option<String>,
}

/// Which of the secrets that were found to return, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window<'a> {
    /// Only those behind this name.
    pub after: Option<&'a str>,
    /// How many to leave out at the beginning.
    pub offset: u32,
    /// Most secrets.
    pub limit: u16,
}

/// Some of the secrets that fit a filter, and how many do, at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Those of the window.
    pub page: Page<Secret>,
    /// How many fit, whatever the window is.
    pub total: u64,
}

/// A tag that a secret must have: its key, and the values of which any will do; none stand for every value.
#[derive(Debug, PartialEq, Eq)]
struct WantedTag {
    key: String,
    values: Vec<String>,
}

/// Where names are looked up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup<'s> {
    /// Among all names of the project.
    Names,
    /// Among those that have this part.
    Trigram(&'s str),
    /// Among those that have the tag at this place of the search.
    Tag(usize),
}

/// A search in a project, ready to be asked for.
#[derive(Debug)]
pub(crate) struct Search<'f> {
    project: &'f str,
    /// Parts of names, in lower case.
    parts: Vec<String>,
    tags: Vec<WantedTag>,
    /// Whether only secrets of the default enterprise project are wanted.
    is_default_only: bool,
}

/// How a database is asked.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// Before the number of a parameter.
    pub(crate) parameter: char,
    /// One of several statements whose results are merged by name.
    pub(crate) merged: fn(&str) -> String,
    /// The table with the number of secrets of each project.
    pub(crate) usage: &'static str,
}

/// The statement that is being written, with its parameters.
struct Writing {
    parameter: char,
    parameters: Vec<Parameter>,
}

impl Writing {
    const fn begin(dialect: &Dialect) -> Self {
        Self { parameter: dialect.parameter, parameters: Vec::new() }
    }

    fn add(&mut self, value: Parameter) -> String {
        self.parameters.push(value);
        format!("{}{}", self.parameter, self.parameters.len())
    }

    fn text(&mut self, text: &str) -> String {
        self.add(Parameter::Text(text.to_owned()))
    }

    fn texts(&mut self, texts: &[String]) -> String {
        let places: Vec<_> = texts.iter().map(|text| self.text(text)).collect();
        places.join(", ")
    }

    fn finish(self, sql: String) -> Statement {
        Statement { sql, parameters: self.parameters }
    }
}

/// The part, if a name may have it.
fn possible(part: &str) -> Option<String> {
    let fits = (1..=LONGEST_NAME).contains(&part.len());
    let is_word = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    (fits && is_word).then(|| part.to_ascii_lowercase())
}

impl<'f> Search<'f> {
    /// Reads a filter. `None` when no secret can fit it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the enterprise project cannot be written as JSON.
    pub(crate) fn of(project: &'f ProjectId, filter: &SecretFilter) -> Result<Option<Self>, StoreError> {
        let Some(parts) = filter.names.iter().map(|part| possible(part)).collect() else { return Ok(None) };
        let wanted = |filter: &TagFilter| {
            let values: BTreeSet<_> = filter.values.iter().map(|value| value.as_str().to_owned()).collect();
            WantedTag { key: filter.key.as_str().to_owned(), values: values.into_iter().collect() }
        };
        let mut tags: Vec<_> = filter.tags.iter().map(wanted).collect();
        let enterprise = filter.enterprise_project.as_deref();
        let is_default_only = enterprise == Some(DEFAULT_ENTERPRISE_PROJECT);
        if let Some(enterprise) = enterprise.filter(|_| !is_default_only) {
            let json = serde_json::to_string(enterprise)
                .map_err(|error| StoreError::Conflict(Cause::with("writing a value as JSON", error)))?;
            tags.push(WantedTag { key: ENTERPRISE_PROJECT.to_owned(), values: vec![json] });
        }
        Ok(Some(Self { project: project.as_str(), parts, tags, is_default_only }))
    }

    /// Where the names may be looked up: in one of these places, whichever has the fewest.
    pub(crate) fn lookups(&self) -> Vec<Lookup<'_>> {
        let mut lookups: Vec<_> = (0..self.tags.len()).map(Lookup::Tag).collect();
        // Names have one byte to a character.
        let places = self.parts.iter().flat_map(|part| {
            let ends = PART..=part.len();
            ends.filter_map(|end| part.get(end - PART..end))
        });
        let trigrams: BTreeSet<_> = places.collect();
        lookups.extend(trigrams.into_iter().take(MOST_COMPARED).map(Lookup::Trigram));
        if lookups.is_empty() {
            lookups.push(Lookup::Names);
        }
        lookups
    }

    /// What counts the names of each lookup, up to a bound: pairs of the lookup's place and its number of names.
    pub(crate) fn comparison(&self, lookups: &[Lookup<'_>], bound: i64, dialect: &Dialect) -> Statement {
        let mut writing = Writing::begin(dialect);
        let project = writing.text(self.project);
        let counts: Vec<_> = lookups
            .iter()
            .enumerate()
            .map(|(place, lookup)| {
                let names = self.names(lookup, &project, &mut writing).join(" UNION ALL ");
                format!("SELECT CAST({place} AS BIGINT), count(*) FROM ({names} LIMIT {bound}) AS few")
            })
            .collect();
        writing.finish(counts.join(" UNION ALL "))
    }

    /// What counts the secrets that fit.
    pub(crate) fn count(&self, lookup: &Lookup<'_>, dialect: &Dialect) -> Statement {
        let mut writing = Writing::begin(dialect);
        let project = writing.text(self.project);
        let count = self.counting(lookup, dialect, &project, &mut writing);
        writing.finish(count)
    }

    /// What finds the documents of a page, in no order, and one more than the limit if there are more.
    pub(crate) fn page(&self, lookup: &Lookup<'_>, window: Window<'_>, dialect: &Dialect) -> Statement {
        let mut writing = Writing::begin(dialect);
        let project = writing.text(self.project);
        let page = self.finding(lookup, window, dialect, &project, &mut writing);
        writing.finish(page)
    }

    /// As [`Self::page`], with the number of [`Self::count`] in a last column. A page without documents is one row that has
    /// this number alone.
    pub(crate) fn counted_page(&self, lookup: &Lookup<'_>, window: Window<'_>, dialect: &Dialect) -> Statement {
        let mut writing = Writing::begin(dialect);
        let project = writing.text(self.project);
        let count = self.counting(lookup, dialect, &project, &mut writing);
        let page = self.finding(lookup, window, dialect, &project, &mut writing);
        writing.finish(format!(
            "SELECT listed.document, listed.checksum, listed.last_used_time, listed.mac, total.number
             FROM ({count}) AS total LEFT JOIN ({page}) AS listed ON TRUE"
        ))
    }

    fn counting(&self, lookup: &Lookup<'_>, dialect: &Dialect, project: &str, writing: &mut Writing) -> String {
        if self.parts.is_empty() && self.tags.is_empty() && !self.is_default_only {
            let usage = dialect.usage;
            return format!("SELECT coalesce((SELECT secrets FROM {usage} WHERE project = {project}), 0) AS number");
        }
        let names = self.matching_names(lookup, project, None, writing).join(" UNION ALL ");
        format!("SELECT count(*) AS number FROM ({names}) AS fitting")
    }

    fn finding(
        &self,
        lookup: &Lookup<'_>,
        window: Window<'_>,
        dialect: &Dialect,
        project: &str,
        writing: &mut Writing,
    ) -> String {
        let names = self.matching_names(lookup, project, window.after, writing);
        let names = match names.as_slice() {
            [names] => names.clone(),
            many => many.iter().map(|names| (dialect.merged)(names)).collect::<Vec<_>>().join(" UNION ALL "),
        };
        let limit = writing.add(Parameter::Number(crate::row::fetched(window.limit)));
        let offset = writing.add(Parameter::Number(window.offset.into()));
        let columns = "secrets.document, secrets.checksum, secrets.last_used_time, secrets.mac";
        format!(
            "SELECT {columns} FROM ({names} ORDER BY name LIMIT {limit} OFFSET {offset}) AS page
             JOIN secrets ON secrets.project = {project} AND secrets.name = page.name"
        )
    }

    /// The names of a lookup, each once: statements whose results together are the names, each of them in order.
    fn names(&self, lookup: &Lookup<'_>, project: &str, writing: &mut Writing) -> Vec<String> {
        let number = number_of(project);
        match lookup {
            Lookup::Names => vec![format!("SELECT found.name FROM secrets AS found WHERE found.project = {project}")],
            Lookup::Trigram(part) => {
                let part = writing.text(part);
                vec![format!(
                    "SELECT found.name FROM secret_trigrams AS found
                     WHERE found.project = {number} AND found.trigram = {part}"
                )]
            }
            Lookup::Tag(place) => {
                let Some(tag) = self.tags.get(*place) else { return Vec::new() };
                let key = writing.text(&tag.key);
                let with_key = format!(
                    "SELECT found.name FROM secret_tags AS found WHERE found.project = {number} AND found.key = {key}"
                );
                if tag.values.is_empty() {
                    return vec![with_key];
                }
                let with = |value: &String| format!("{with_key} AND found.value = {}", writing.text(value));
                tag.values.iter().map(with).collect()
            }
        }
    }

    /// As [`Self::names`], those that fit everything, behind `after`.
    fn matching_names(
        &self,
        lookup: &Lookup<'_>,
        project: &str,
        after: Option<&str>,
        writing: &mut Writing,
    ) -> Vec<String> {
        let names = self.names(lookup, project, writing);
        let mut conditions = String::new();
        if let Some(after) = after {
            conditions += &format!(" AND found.name > {}", writing.text(after));
        }
        for part in &self.parts {
            // The underscore is the one character of names that stands for others in patterns.
            let pattern = writing.text(&format!("%{}%", part.replace('_', "\\_")));
            conditions += &format!(" AND lower(found.name) LIKE {pattern} ESCAPE '\\'");
        }
        let number = number_of(project);
        let value = |key: String| {
            format!(
                "(SELECT tag.value FROM secret_tags AS tag
                  WHERE tag.project = {number} AND tag.key = {key} AND tag.name = found.name)"
            )
        };
        let others = self.tags.iter().enumerate().filter(|(place, _)| *lookup != Lookup::Tag(*place));
        for (_, WantedTag { key, values }) in others {
            let value = value(writing.text(key));
            let fits =
                if values.is_empty() { "IS NOT NULL".to_owned() } else { format!("IN ({})", writing.texts(values)) };
            conditions += &format!(" AND {value} {fits}");
        }
        if self.is_default_only {
            conditions += &format!(" AND {} IS NULL", value(writing.text(ENTERPRISE_PROJECT)));
        }
        names.into_iter().map(|names| names + &conditions).collect()
    }
}

/// The number of a project in the tables of the searches.
fn number_of(project: &str) -> String {
    format!("(SELECT number FROM search_projects WHERE project = {project})")
}

/// Pairs of key and value that are read in one go.
pub(crate) const TAGS: usize = 1000;

/// What finds keys and values of tags of a project, each pair once, in order: the next [`TAGS`] behind a pair. Its parameters are
/// the project, the key and the value.
pub(crate) fn next_tags(dialect: &Dialect) -> String {
    let [project, key, value] = [1, 2, 3].map(|place| format!("{}{place}", dialect.parameter));
    let number = number_of(&project);
    format!(
        "SELECT DISTINCT key, value FROM secret_tags
         WHERE project = {number} AND (key, value) > ({key}, {value}) AND key <> '{ENTERPRISE_PROJECT}'
         ORDER BY key, value LIMIT {TAGS}"
    )
}

/// The bounds of one comparison after the other. Where every lookup has as many names as the bound, nothing tells them apart, and
/// twice as many are counted; a lookup that is taken blindly may hold every name there is.
pub(crate) fn bounds(lookups: &[Lookup<'_>]) -> impl Iterator<Item = i64> + use<> {
    let lookups = i64::try_from(lookups.len()).unwrap_or(i64::MAX);
    successors(Some(FEW), |bound| Some(bound * 2))
        .take_while(move |bound| *bound <= MOST_OF_ONE && bound.saturating_mul(lookups) <= MOST_OF_ALL)
}

/// Whether a comparison up to a bound has found a lookup with fewer names.
pub(crate) fn tells_apart(counts: &[(i64, i64)], bound: i64) -> bool {
    counts.iter().any(|(_, count)| *count < bound)
}

/// The lookup with the fewest names, by what a comparison has counted.
pub(crate) fn rarest<'s>(lookups: Vec<Lookup<'s>>, counts: &[(i64, i64)]) -> Lookup<'s> {
    let place = counts.iter().min_by_key(|(_, count)| *count).and_then(|(place, _)| usize::try_from(*place).ok());
    lookups.into_iter().nth(place.unwrap_or(0)).unwrap_or(Lookup::Names)
}

/// Statements of searches of every kind, with the indexes that they must use; for tests that ask a database for its plans.
#[cfg(any(test, feature = "testing"))]
#[allow(clippy::unwrap_used, reason = "these are for tests")]
pub(crate) fn samples(dialect: &Dialect) -> Vec<(Statement, Vec<&'static str>)> {
    use csms_core::tag::{TagKey, TagValue};

    let project = ProjectId::parse("0".repeat(32)).unwrap();
    let tag = |key: &str, values: &[&str]| TagFilter {
        key: TagKey::parse(key).unwrap(),
        values: values.iter().map(|value| TagValue::parse(*value).unwrap()).collect(),
    };
    let names = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    let all = SecretFilter::default();
    let filters = [
        all.clone(),
        SecretFilter { names: names(&["a_", "prod"]), ..all.clone() },
        SecretFilter { names: names(&["a"]), ..all.clone() },
        SecretFilter { tags: vec![tag("env", &[])], ..all.clone() },
        SecretFilter { tags: vec![tag("env", &["a"])], ..all.clone() },
        SecretFilter { tags: vec![tag("env", &["a", "b", "c"])], names: names(&["prod"]), ..all.clone() },
        SecretFilter { tags: vec![tag("env", &["a", "b"]), tag("team", &[])], ..all.clone() },
        SecretFilter { enterprise_project: Some("other".to_owned()), ..all.clone() },
        SecretFilter { enterprise_project: Some("0".to_owned()), names: names(&["prod"]), ..all },
    ];
    let window = Window { after: Some("name"), offset: 3, limit: 50 };
    let mut samples = Vec::new();
    for filter in &filters {
        let search = Search::of(&project, filter).unwrap().unwrap();
        let lookups = search.lookups();
        for lookup in &lookups {
            let index = match lookup {
                Lookup::Names => "secrets_by_name",
                Lookup::Trigram(_) => "secret_trigrams",
                Lookup::Tag(_) => "secret_tags",
            };
            let counted = if *filter == SecretFilter::default() { Vec::new() } else { vec![index] };
            samples.push((search.count(lookup, dialect), counted));
            samples.push((search.page(lookup, window, dialect), vec![index, "secrets_by_name"]));
            samples.push((search.counted_page(lookup, window, dialect), vec![index, "secrets_by_name"]));
        }
        samples.push((search.comparison(&lookups, FEW, dialect), Vec::new()));
    }
    let parameters = vec![Parameter::Text(String::new()); 3];
    samples.push((Statement { sql: next_tags(dialect), parameters }, vec!["secret_tags_by_value"]));
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> ProjectId {
        ProjectId::parse("0".repeat(32)).unwrap()
    }

    const DIALECT: Dialect = Dialect { parameter: '?', merged: str::to_owned, usage: "usage" };

    fn of_names(parts: &[&str]) -> SecretFilter {
        SecretFilter { names: parts.iter().map(|part| (*part).to_owned()).collect(), ..SecretFilter::default() }
    }

    #[test]
    fn what_no_name_can_have_is_not_looked_for() {
        let project = project();
        for part in ["", "a b", "é", "a%", "\0"] {
            assert!(Search::of(&project, &of_names(&["ok", part])).unwrap().is_none(), "{part}");
        }
        assert!(Search::of(&project, &of_names(&[&"a".repeat(65)])).unwrap().is_none());
        assert!(Search::of(&project, &of_names(&[&"a".repeat(64)])).unwrap().is_some());
    }

    #[test]
    fn parts_are_looked_up_by_three_characters_in_lower_case_and_shorter_ones_not_at_all() {
        let project = project();
        let lookups = |parts: &[&str]| {
            let search = Search::of(&project, &of_names(parts)).unwrap().unwrap();
            search.lookups().iter().map(|lookup| format!("{lookup:?}")).collect::<Vec<_>>()
        };
        assert_eq!(lookups(&["PrOd", "od"]), ["Trigram(\"pro\")", "Trigram(\"rod\")"]);
        assert_eq!(lookups(&["aaaaa"]), ["Trigram(\"aaa\")"]);
        assert_eq!(lookups(&["od", "x"]), ["Names"]);
        assert_eq!(lookups(&[]), ["Names"]);
    }

    #[test]
    fn the_lookup_with_the_fewest_names_is_taken() {
        let lookups = || vec![Lookup::Tag(0), Lookup::Trigram("abc"), Lookup::Trigram("bcd")];
        assert_eq!(rarest(lookups(), &[(0, 500), (2, 7), (1, 8)]), Lookup::Trigram("bcd"));
        assert_eq!(rarest(lookups(), &[]), Lookup::Tag(0));
    }

    #[test]
    fn more_names_are_counted_while_nothing_tells_the_lookups_apart() {
        let bounds = |number: usize| {
            bounds(&(0..number).map(|_| Lookup::Trigram("abc")).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        assert_eq!(bounds(2), [500, 1_000, 2_000, 4_000, 8_000]);
        assert_eq!(bounds(30), [500, 1_000, 2_000]);
        assert_eq!(bounds(MOST_COMPARED + 8), [500, 1_000]);
        assert!(tells_apart(&[(0, 500), (1, 499)], 500) && !tells_apart(&[(0, 500), (1, 500)], 500));
    }

    #[test]
    fn texts_of_a_filter_never_become_a_part_of_the_statement() {
        let project = project();
        let enterprise_project = Some("'; DROP TABLE secrets --".to_owned());
        let filter = SecretFilter { enterprise_project, ..of_names(&["drop"]) };
        let search = Search::of(&project, &filter).unwrap().unwrap();
        for lookup in &search.lookups() {
            let Statement { sql, parameters } = search.count(lookup, &DIALECT);
            assert!(!sql.to_lowercase().contains("drop"), "{sql}");
            assert!(parameters.contains(&Parameter::Text("%drop%".to_owned())));
        }
    }
}
