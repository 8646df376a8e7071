//! Variables that look like settings of csms and are none, such as one whose name is misspelt.
//!
//! Warns alone: somebody else's variable may have such a name.

use std::{collections::BTreeSet, env};

use csms_cli::{VARIABLES, misspelt};

use super::{file::variables, origin::SECRET_VARIABLES};

/// What all names of variables begin with, so that it says nothing about which one was meant.
const PREFIX: &str = "CSMS_";

/// Variables that rotation functions read. One that is exported for them is no mistake.
const OF_FUNCTIONS: [&str; 3] = ["CSMS_SEALING_KEY", "CSMS_SEALING_KEY_FILE", "CSMS_SEALING_REQUIRE_PROJECT"];

/// Variables that the tests of this repository read.
const OF_TESTS: [&str; 7] = [
    "CSMS_BIN",
    "CSMS_OLDER_BIN",
    "CSMS_POSTGRES_BIN",
    "CSMS_PYTHON",
    "CSMS_ROTATE_ZIP",
    "CSMS_TARBALL",
    "CSMS_WRITE_GENERATED",
];

/// A warning for each variable of this process that looks like a setting and is none.
#[must_use]
pub fn warnings() -> Vec<String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    unknown(names.filter(|name| name.starts_with(PREFIX)))
}

/// The variables that csms reads, those of its settings by their flags.
#[must_use]
pub fn known() -> BTreeSet<String> {
    let others = [&SECRET_VARIABLES[..], &VARIABLES, &OF_FUNCTIONS, &OF_TESTS].concat();
    variables().into_iter().chain(others.into_iter().map(str::to_owned)).collect()
}

fn unknown(names: impl Iterator<Item = String>) -> Vec<String> {
    let known = known();
    let strange = names.filter(|name| !known.contains(name) && !name.starts_with("CSMS_TEST") && !is_address(name));
    let strange: BTreeSet<_> = strange.collect();
    let own = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
    let warning = |name: &String| match misspelt(name.trim_start_matches(PREFIX), own.clone()) {
        Some(meant) => format!("{name} is set and is no variable of csms; did you mean {PREFIX}{meant}?"),
        None => format!("{name} is set and is no variable of csms; `csms serve --help` has all of them"),
    };
    strange.iter().map(warning).collect()
}

/// Whether a variable tells where a service is: Kubernetes sets them for a service that is called `csms`.
fn is_address(name: &str) -> bool {
    let is_port =
        |rest: &str| rest.is_empty() || rest.strip_prefix('_').is_some_and(|rest| rest.starts_with(char::is_numeric));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.match_indices("_PORT").any(|(at, found)| name.get(at + found.len()..).is_some_and(is_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(names: &[&str]) -> Vec<String> {
        unknown(names.iter().map(|&name| name.to_owned()))
    }

    #[test]
    fn a_misspelt_variable_is_said_with_the_one_that_was_meant() {
        assert_eq!(
            warned(&["CSMS_LISTN", "CSMS_SECRET_QUOTE", "CSMS_DATABASE"]),
            [
                "CSMS_DATABASE is set and is no variable of csms; `csms serve --help` has all of them",
                "CSMS_LISTN is set and is no variable of csms; did you mean CSMS_LISTEN?",
                "CSMS_SECRET_QUOTE is set and is no variable of csms; did you mean CSMS_SECRET_QUOTA?",
            ]
        );
    }

    #[test]
    fn variables_of_settings_clients_functions_and_tests_are_no_mistake() {
        let known = ["CSMS_LISTEN", "CSMS_CONFIG", "CSMS_ROOT_KEY", "CSMS_CREDENTIALS", "CSMS_ENDPOINT", "CSMS_CA"];
        assert_eq!(warned(&known), Vec::<String>::new());
        assert_eq!(warned(&["CSMS_SEALING_KEY", "CSMS_COMPLETE", "CSMS_BIN", "CSMS_TEST_LONG"]), Vec::<String>::new());
    }

    #[test]
    fn what_kubernetes_says_of_a_service_is_no_mistake() {
        let of_kubernetes = [
            "CSMS_SERVICE_HOST",
            "CSMS_SERVICE_PORT",
            "CSMS_SERVICE_PORT_HTTPS",
            "CSMS_PORT",
            "CSMS_PORT_7070_TCP",
            "CSMS_PORT_7070_TCP_ADDR",
        ];
        assert_eq!(warned(&of_kubernetes), Vec::<String>::new());
        assert_eq!(warned(&["CSMS_PORTS"]).len(), 1);
    }
}
