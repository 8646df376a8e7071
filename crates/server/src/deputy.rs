//! Which functions and topics the server calls on behalf of a secret: those of the secret's project, and those that the operator
//! lists.
//!
//! A user who may change a secret chooses its function and the topics of its events. Without this rule, that user would decide
//! what the server's keys are used for, and whose functions and receivers.

use std::str::FromStr;

use csms_core::{FunctionUrn, ProjectId, policy::value_matches};
use serde::Deserialize;

/// A URN in which `*` stands for any characters, such as `urn:fss:*:PROJECT:function:*`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct UrnPattern(String);

impl FromStr for UrnPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._:!*".contains(c);
        if text.starts_with("urn:") && text.len() <= 256 && text.chars().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be a URN, in which * stands for any characters".to_owned())
        }
    }
}

impl TryFrom<String> for UrnPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl UrnPattern {
    /// Whether the pattern describes the whole URN.
    #[must_use]
    pub fn matches(&self, urn: &str) -> bool {
        // A pattern has no `?`, the other wildcard of policies.
        value_matches(&self.0, urn)
    }
}

/// The operator's lists.
#[derive(Clone, Debug, Default)]
pub struct Deputies {
    /// Functions of other projects that secrets may name.
    pub functions: Vec<UrnPattern>,
    /// Topics of other projects that events may name.
    pub topics: Vec<UrnPattern>,
    /// The projects of this installation. What the operator has set up under one of them here is that project's.
    pub projects: Vec<ProjectId>,
}

impl Deputies {
    /// Whether the server invokes the function for secrets of the project.
    #[must_use]
    pub fn allow_function(&self, project: &ProjectId, urn: &FunctionUrn) -> bool {
        let text = urn.qualified().to_string();
        urn.project() == project.as_str() || self.functions.iter().any(|pattern| pattern.matches(&text))
    }

    /// Whether the server publishes to the topic for secrets of the project.
    #[must_use]
    pub fn allow_topic(&self, project: &ProjectId, topic: &str) -> bool {
        topic_project(topic) == Some(project.as_str()) || self.topics.iter().any(|pattern| pattern.matches(topic))
    }
}

impl Deputies {
    /// Whether secrets of the project may name a function that runs here: unless it is another project's of this installation,
    /// and the operator does not list it.
    #[must_use]
    pub fn allow_local_function(&self, project: &ProjectId, urn: &FunctionUrn) -> bool {
        !self.is_of_another(project, urn.project()) || self.allow_function(project, urn)
    }

    /// The same for events and a topic that has a webhook.
    #[must_use]
    pub fn allow_webhook(&self, project: &ProjectId, topic: &str) -> bool {
        let is_of_another = topic_project(topic).is_some_and(|named| self.is_of_another(project, named));
        !is_of_another || self.allow_topic(project, topic)
    }

    fn is_of_another(&self, project: &ProjectId, named: &str) -> bool {
        named != project.as_str() && self.projects.iter().any(|own| own.as_str() == named)
    }
}

/// The project in the URN of a topic.
#[must_use]
pub fn topic_project(urn: &str) -> Option<&str> {
    match urn.split(':').collect::<Vec<_>>().as_slice() {
        ["urn", "smn", region, project, topic] if ![region, project, topic].iter().any(|part| part.is_empty()) => {
            Some(project)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, urn, expected) in [
            ("urn:smn:r:p:t", "urn:smn:r:p:t", true),
            ("urn:smn:r:p:t", "urn:smn:r:p:tt", false),
            ("urn:smn:*:p:*", "urn:smn:r:p:t", true),
            ("urn:smn:*:p:*", "urn:smn:r:q:t", false),
            ("urn:smn:r:p:a*z", "urn:smn:r:p:az", true),
            ("urn:smn:r:p:a*a", "urn:smn:r:p:a", false),
            ("urn:*", "urn:smn:r:p:t", true),
        ] {
            assert_eq!(pattern.parse::<UrnPattern>().unwrap().matches(urn), expected, "{pattern} {urn}");
        }
        for text in ["", "*", "smn", "urn:a b", "urn:a/b"] {
            assert!(text.parse::<UrnPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_project_has_its_own_functions_and_topics_and_those_listed() {
        let (own, other) = ("a".repeat(32), "b".repeat(32));
        let project = ProjectId::parse(own.clone()).unwrap();
        let function = |of: &str| FunctionUrn::parse(&format!("urn:fss:r:{of}:function:default:f")).unwrap();
        let none = Deputies::default();
        assert!(none.allow_function(&project, &function(&own)) && !none.allow_function(&project, &function(&other)));
        let topic = |of: &str| format!("urn:smn:r:{of}:t");
        assert!(none.allow_topic(&project, &topic(&own)) && !none.allow_topic(&project, &topic(&other)));
        let listed = Deputies {
            functions: vec![format!("urn:fss:r:{other}:function:*:latest").parse().unwrap()],
            topics: vec![topic(&other).parse().unwrap()],
            projects: Vec::new(),
        };
        assert!(listed.allow_function(&project, &function(&other)) && listed.allow_topic(&project, &topic(&other)));
    }

    #[test]
    fn what_is_set_up_here_is_of_the_project_in_its_urn_if_there_is_such_a_project() {
        let [own, other, none] = ["a", "b", "c"].map(|letter| ProjectId::parse(letter.repeat(32)).unwrap());
        let here = Deputies { projects: vec![own.clone(), other.clone()], ..Deputies::default() };
        let topic = |of: &ProjectId| format!("urn:smn:r:{of}:t");
        let function = |of: &ProjectId| FunctionUrn::parse(&format!("urn:fss:r:{of}:function:default:f")).unwrap();
        for (of, is_allowed) in [(&own, true), (&other, false), (&none, true)] {
            assert_eq!(here.allow_local_function(&own, &function(of)), is_allowed, "{of}");
            assert_eq!(here.allow_webhook(&own, &topic(of)), is_allowed, "{of}");
        }
        assert!(here.allow_webhook(&own, "a name"));
        let (functions, topics) = (vec!["urn:fss:*".parse().unwrap()], vec!["urn:smn:*".parse().unwrap()]);
        let listed = Deputies { functions, topics, ..here };
        assert!(listed.allow_local_function(&own, &function(&other)) && listed.allow_webhook(&own, &topic(&other)));
    }

    #[test]
    fn the_project_of_a_topic_is_in_its_urn() {
        assert_eq!(topic_project("urn:smn:cn-north-4:dc3b:topic"), Some("dc3b"));
        for urn in ["urn:smn:cn-north-4:Test", "urn:smn:cn-north-4::topic", "topic", ""] {
            assert_eq!(topic_project(urn), None, "{urn}");
        }
    }
}
