//! Reading the fields of a JSON object one by one, collecting every problem on the way.
//!
//! `null` counts as absent and unknown fields are ignored, as the service does.

use alloc::{borrow::ToOwned, format, string::String, vec, vec::Vec};

use csms_core::{Problem, Rule, Violation};
use serde_json::{Map, Value};

/// The fields of one object and the problems found so far. Has no `Debug`: a field may be a secret value.
pub struct Fields {
    object: Map<String, Value>,
    problems: Vec<Problem>,
}

impl Fields {
    /// The fields of a JSON object.
    ///
    /// # Errors
    /// One problem, without a path, when the value is no object.
    pub fn of(value: Value) -> Result<Self, Vec<Problem>> {
        match value {
            Value::Object(object) => Ok(Self { object, problems: Vec::new() }),
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

    /// Whether a field is present and neither `null` nor the empty text, which some clients send for “not given”.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
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

    /// A truth value.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(value) => Some(value),
            _ => self.wrong_type(name, "true or false"),
        }
    }

    /// A whole number, not negative.
    pub fn integer(&mut self, name: &str) -> Option<u64> {
        match self.take(name)?.as_u64() {
            Some(number) => Some(number),
            None => self.wrong_type(name, "a whole number that is not negative"),
        }
    }

    /// A text field through the constructor of its type.
    pub fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(String) -> Result<T, Violation>) -> Option<T> {
        let text = self.text(name)?;
        self.checked(name, parse(text))
    }

    /// The same for a field whose empty text means that it is not given.
    pub fn parsed_unless_empty<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(String) -> Result<T, Violation>,
    ) -> Option<T> {
        let text = self.text(name).filter(|text| !text.is_empty())?;
        self.checked(name, parse(text))
    }

    /// A list of texts, each through the constructor of its type.
    pub fn list<T>(
        &mut self,
        name: &str,
        max: usize,
        expected_max: &'static str,
        parse: impl Fn(String) -> Result<T, Violation>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = self.take(name)? else {
            return self.wrong_type(name, "a list of strings");
        };
        if items.len() > max {
            let violation = Violation::new(Rule::TooMany, expected_max);
            self.report(violation.with_limit(max as u64, items.len() as u64).at(name));
            return None;
        }
        let mut parsed = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let result = match item {
                Value::String(text) => parse(text),
                _ => Err(Violation::new(Rule::Type, "a string")),
            };
            parsed.extend(self.checked(&format!("{name}[{index}]"), result));
        }
        Some(parsed)
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

    /// A list of objects, each through its reader; its problems get the item's path in front.
    pub fn objects<T>(
        &mut self,
        name: &str,
        max: usize,
        expected_max: &'static str,
        read: impl Fn(Value) -> Result<T, Vec<Problem>>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = self.take(name)? else {
            return self.wrong_type(name, "a list of objects");
        };
        if items.len() > max {
            let violation = Violation::new(Rule::TooMany, expected_max);
            self.report(violation.with_limit(max as u64, items.len() as u64).at(name));
            return None;
        }
        let mut all = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let read = read(item);
            all.extend(self.nested(&format!("{name}[{index}]"), read));
        }
        Some(all)
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
        assert_eq!(fields.list("d", 3, "3 items", StageName::parse).unwrap().len(), 1);
        assert_eq!(fields.text("e"), None);
        let paths: Vec<_> = fields.finish(Some(())).unwrap_err().into_iter().map(|problem| problem.path).collect();
        assert_eq!(paths, ["a", "b", "c", "d[0]", "d[2]"]);
    }

    #[test]
    fn a_body_that_is_no_object_is_a_problem_of_the_whole() {
        assert_eq!(Fields::of(json!([])).err().unwrap()[0].path, "");
    }
}
