//! Reading the fields of a JSON object one by one, collecting every problem on the way.
//!
//! `null` counts as absent and unknown fields are ignored, as the service does. Numbers and truth values may be written as
//! texts, and whole numbers as `7.0`. A text may be written as a number only where the reader says so: names are judged as
//! they are sent, and a value would lose digits or spelling on its way.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use csms_core::{Problem, Rule, Violation};
use serde_json::{Map, Value};

use crate::optional::{Members, NONE};

/// The greatest number up to which every whole number is exact in JavaScript and other clients that know no integers.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The whole number, not negative, that a value stands for: `7`, `7.0` or `"7"`.
pub(crate) fn whole_number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(exact)),
        Value::String(text) if (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok()
        }
        _ => None,
    }
}

/// A number without a fraction.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "compared after"
)]
fn exact(number: f64) -> Option<u64> {
    let whole = number as u64;
    ((0.0..=MAX_EXACT).contains(&number) && whole as f64 == number).then_some(whole)
}

/// The fields of one object and the problems found so far. Has no `Debug`: a field may be a secret value.
pub struct Fields {
    object: Map<String, Value>,
    problems: Vec<Problem>,
}

impl Fields {
    /// The fields of a JSON object that has no optional members.
    ///
    /// # Errors
    /// One problem, without a path, when the value is no object.
    pub fn of(value: Value) -> Result<Self, Vec<Problem>> {
        Self::with_optional(value, &NONE)
    }

    /// The fields of a JSON object with optional members, without those that are not given.
    ///
    /// # Errors
    /// One problem, without a path, when the value is no object.
    pub fn with_optional(value: Value, members: &Members) -> Result<Self, Vec<Problem>> {
        match value {
            Value::Object(mut object) => {
                members.strip(&mut object);
                Ok(Self { object, problems: Vec::new() })
            }
            _ => Err(vec![Violation::new(Rule::Type, "a JSON object").at("")]),
        }
    }

    /// Adds a problem.
    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Whether a field is present and not `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(|value| !value.is_null())
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.object.get_mut(name).map(Value::take).filter(|value| !value.is_null())
    }

    fn wrong_type<T>(&mut self, name: &str, expected: &'static str) -> Option<T> {
        self.report(Violation::new(Rule::Type, expected).at(name));
        None
    }

    /// A field of any type.
    pub fn value(&mut self, name: &str) -> Option<Value> {
        self.take(name)
    }

    /// A text field, as it stands.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => self.wrong_type(name, "a string"),
        }
    }

    /// A free text, which may be written as a whole number: its digits are the text.
    pub fn text_or_number(&mut self, name: &str) -> Option<String> {
        match scalar_text(self.take(name)?) {
            Some(text) => Some(text),
            None => self.wrong_type(name, "a string"),
        }
    }

    /// A number that the definitions have as text, and that may be written as a number.
    pub fn digits(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            value => match whole_number(&value) {
                Some(number) => Some(number.to_string()),
                None => self.wrong_type(name, "a string of digits"),
            },
        }
    }

    /// A truth value, which may be written as text.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.take(name)?;
        match (&value, value.as_str()) {
            (Value::Bool(value), _) => Some(*value),
            (_, Some("true")) => Some(true),
            (_, Some("false")) => Some(false),
            _ => self.wrong_type(name, "true or false"),
        }
    }

    /// A whole number, not negative, which may be written as text or with a fraction of zero.
    pub fn integer(&mut self, name: &str) -> Option<u64> {
        match whole_number(&self.take(name)?) {
            Some(number) => Some(number),
            None => self.wrong_type(name, "a whole number that is not negative"),
        }
    }

    /// A text field through the constructor of its type.
    pub fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(String) -> Result<T, Violation>) -> Option<T> {
        let text = self.text(name)?;
        self.checked(name, parse(text))
    }

    /// [`Fields::text_or_number`] through the constructor of its type.
    pub fn parsed_or_number<T>(&mut self, name: &str, parse: impl FnOnce(String) -> Result<T, Violation>) -> Option<T> {
        let text = self.text_or_number(name)?;
        self.checked(name, parse(text))
    }

    /// [`Fields::digits`] through the constructor of its type.
    pub fn parsed_digits<T>(&mut self, name: &str, parse: impl FnOnce(String) -> Result<T, Violation>) -> Option<T> {
        let text = self.digits(name)?;
        self.checked(name, parse(text))
    }

    /// A list of texts, each through the constructor of its type. `None` when one of them is refused.
    pub fn list<T>(
        &mut self,
        name: &str,
        max: usize,
        expected_max: &'static str,
        parse: impl Fn(String) -> Result<T, Violation>,
    ) -> Option<Vec<T>> {
        self.list_through(name, max, expected_max, |item| match item {
            Value::String(text) => parse(text),
            _ => Err(Violation::new(Rule::Type, "a string")),
        })
    }

    /// A list of free texts, each of which may be written as a whole number. `None` when one of them is refused.
    pub fn list_or_numbers<T>(
        &mut self,
        name: &str,
        max: usize,
        expected_max: &'static str,
        parse: impl Fn(String) -> Result<T, Violation>,
    ) -> Option<Vec<T>> {
        self.list_through(name, max, expected_max, |item| match scalar_text(item) {
            Some(text) => parse(text),
            None => Err(Violation::new(Rule::Type, "a string")),
        })
    }

    /// The items of a list that is not too long.
    fn items(&mut self, name: &str, max: usize, expected_max: &'static str, list: &'static str) -> Option<Vec<Value>> {
        let Value::Array(items) = self.take(name)? else {
            return self.wrong_type(name, list);
        };
        if items.len() > max {
            let violation = Violation::new(Rule::TooMany, expected_max);
            self.report(violation.with_limit(max as u64, items.len() as u64).at(name));
            return None;
        }
        Some(items)
    }

    fn list_through<T>(
        &mut self,
        name: &str,
        max: usize,
        expected_max: &'static str,
        read: impl Fn(Value) -> Result<T, Violation>,
    ) -> Option<Vec<T>> {
        let items = self.items(name, max, expected_max, "a list of strings")?;
        let count = items.len();
        let mut parsed = Vec::with_capacity(count);
        for (index, item) in items.into_iter().enumerate() {
            let result = read(item);
            parsed.extend(self.checked(&format!("{name}[{index}]"), result));
        }
        (parsed.len() == count).then_some(parsed)
    }

    /// Puts a member in the object; an absent one stays absent.
    pub fn insert(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.object.insert(name.to_owned(), value);
        }
    }

    /// An object through its reader; its problems get the member's path in front.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, Vec<Problem>>) -> Option<T> {
        let object = self.take(name)?;
        if !object.is_object() {
            return self.wrong_type(name, "a JSON object");
        }
        self.nested(name, read(object))
    }

    /// Notes the problems of what was read from a member, with the member's path in front.
    fn nested<T>(&mut self, name: &str, read: Result<T, Vec<Problem>>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(problems) => {
                for Problem { path, violation } in problems {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.report(violation.at(format!("{name}{dot}{path}")));
                }
                None
            }
        }
    }

    /// A list of objects, each through its reader; its problems get the item's path in front. `None` when one of them is refused.
    pub fn objects<T>(
        &mut self,
        name: &str,
        max: usize,
        expected_max: &'static str,
        read: impl Fn(Value) -> Result<T, Vec<Problem>>,
    ) -> Option<Vec<T>> {
        let items = self.items(name, max, expected_max, "a list of objects")?;
        let count = items.len();
        let mut all = Vec::with_capacity(count);
        for (index, item) in items.into_iter().enumerate() {
            let read = read(item);
            all.extend(self.nested(&format!("{name}[{index}]"), read));
        }
        (all.len() == count).then_some(all)
    }

    /// Notes the violation, if any, at `name`.
    pub fn checked<T>(&mut self, name: &str, result: Result<T, Violation>) -> Option<T> {
        result.map_err(|violation| self.report(violation.at(name))).ok()
    }

    /// Notes that a field is missing.
    pub fn require(&mut self, name: &str) {
        if !self.has(name) {
            self.report(Violation::new(Rule::Required, "").at(name));
        }
    }

    /// The finished value, unless there were problems. `build` gets what the caller has read; a `None` from it means that a
    /// required part was missing, which has been reported.
    ///
    /// # Errors
    /// All problems.
    pub fn finish<T>(self, built: Option<T>) -> Result<T, Vec<Problem>> {
        match built {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(self.problems),
        }
    }
}

/// A text, or the digits of a whole number.
fn scalar_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// What two readers found, or the problems of both together.
///
/// # Errors
/// The problems of either.
pub fn both<A, B>(first: Result<A, Vec<Problem>>, second: Result<B, Vec<Problem>>) -> Result<(A, B), Vec<Problem>> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(mut problems), Err(others)) => {
            problems.extend(others);
            Err(problems)
        }
        (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => Err(problems),
    }
}

#[cfg(test)]
mod tests {
    use csms_core::StageName;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_of_the_wrong_type_is_reported() {
        let mut fields = Fields::of(json!({ "a": 1, "b": "x", "c": -1, "d": [1, "ok", "no!"], "e": null })).unwrap();
        assert_eq!(fields.text("a"), None);
        assert_eq!(fields.boolean("b"), None);
        assert_eq!(fields.integer("c"), None);
        assert_eq!(fields.list("d", 3, "3 items", StageName::parse), None);
        assert_eq!(fields.text("e"), None);
        let paths: Vec<_> = fields.finish(Some(())).unwrap_err().into_iter().map(|problem| problem.path).collect();
        assert_eq!(paths, ["a", "b", "c", "d[0]", "d[2]"]);
    }

    #[test]
    fn a_whole_number_may_be_written_in_three_ways() {
        for value in [json!(7), json!(7.0), json!("7"), json!("007")] {
            assert_eq!(Fields::of(json!({ "a": value })).unwrap().integer("a"), Some(7), "{value}");
        }
        let time = json!({ "a": 1.796_856e12, "b": "1796856005391", "c": u64::MAX });
        let mut fields = Fields::of(time).unwrap();
        assert_eq!(fields.integer("a"), Some(1_796_856_000_000));
        assert_eq!(fields.integer("b"), Some(1_796_856_005_391));
        assert_eq!(fields.integer("c"), Some(u64::MAX));
        let others = [json!(7.5), json!(-7), json!(1e300), json!("seven"), json!("7 "), json!("+7"), json!("7.0")];
        for value in others.into_iter().chain([json!("184467440737095516160"), json!([7]), json!({}), json!(true)]) {
            assert_eq!(Fields::of(json!({ "a": value })).unwrap().integer("a"), None, "{value}");
        }
    }

    #[test]
    fn a_truth_value_may_be_written_as_text() {
        let mut fields = Fields::of(json!({ "a": "true", "b": "false", "c": "True", "d": 1 })).unwrap();
        let read = ["a", "b", "c", "d"].map(|name| fields.boolean(name));
        assert_eq!(read, [Some(true), Some(false), None, None]);
    }

    #[test]
    fn a_text_is_written_as_a_number_only_where_its_digits_are_the_text() {
        let body = json!({ "a": 1, "b": 1.0, "c": 512.0, "d": -1, "e": 10_000_000_000_000_000_000_u64, "f": 1 });
        let mut fields = Fields::of(body).unwrap();
        assert_eq!(fields.text_or_number("a").as_deref(), Some("1"));
        assert_eq!(fields.text_or_number("b"), None);
        assert_eq!(fields.digits("c").as_deref(), Some("512"));
        assert_eq!(fields.digits("d"), None);
        assert_eq!(fields.text_or_number("e").as_deref(), Some("10000000000000000000"));
        assert_eq!(fields.text("f"), None);
    }

    #[test]
    fn a_body_that_is_no_object_is_a_problem_of_the_whole() {
        assert_eq!(Fields::of(json!([])).err().unwrap()[0].path, "");
    }
}
