//! Names the variable that a refused value came from, so that an error says what there is to mend.
//!
//! The parser takes variables for flags that are not given, and names the flag in both cases.

use std::{env, ffi::OsString};

use clap::{
    Command, Error,
    error::{ContextKind, ContextValue},
};

/// Lets the parser's error name the variable, where the flag that it names was not given and its variable is set. What may be a
/// secret is not repeated then. `arguments` are without the name of the program.
pub(crate) fn name_variable(error: &mut Error, command: Command, arguments: &[OsString]) {
    let is_set = |name: &str| env::var_os(name).is_some();
    if let Some((name, is_hidden)) = variable(error, command, arguments, is_set) {
        error.insert(ContextKind::InvalidArg, ContextValue::String(name));
        if is_hidden {
            error.insert(ContextKind::InvalidValue, ContextValue::String("…".to_owned()));
        }
    }
}

/// The variable, and whether its value is hidden.
fn variable(
    error: &Error,
    mut command: Command,
    arguments: &[OsString],
    is_set: impl Fn(&str) -> bool,
) -> Option<(String, bool)> {
    let ContextValue::String(named) = error.get(ContextKind::InvalidArg)? else { return None };
    let flag = named.split([' ', '=', '[']).next()?;
    command.build();
    let own = || arguments.iter().take_while(|argument| *argument != "--").filter_map(|argument| argument.to_str());
    let found = own().fold(&command, |found, word| found.find_subcommand(word).unwrap_or(found));
    let argument = found.get_arguments().find(|it| it.get_long().is_some_and(|long| flag == format!("--{long}")))?;
    let is_given = own().any(|word| word == flag || word.starts_with(&format!("{flag}=")));
    let variable = argument.get_env()?.to_str()?;
    (!is_given && is_set(variable)).then(|| (variable.to_owned(), argument.is_hide_env_values_set()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use clap::{Arg, value_parser};

    use super::*;

    fn command() -> Command {
        let number = Arg::new("number").long("number").env("NUMBER").value_parser(value_parser!(u8)).global(true);
        Command::new("p").no_binary_name(true).arg(number.hide_env_values(true)).subcommand(Command::new("run"))
    }

    fn named(arguments: &[&str], is_set: bool) -> Option<(String, bool)> {
        // The parser's error is the same for a variable, which a test cannot set for itself alone.
        let error = command().try_get_matches_from(["run", "--number", "x"]).unwrap_err();
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        variable(&error, command(), &arguments, |_| is_set)
    }

    #[test]
    fn the_variable_is_named_where_the_flag_is_not_given() {
        assert_eq!(named(&["run"], true), Some(("NUMBER".to_owned(), true)));
        assert_eq!(named(&["run", "--", "--number"], true), Some(("NUMBER".to_owned(), true)));
        assert_eq!(named(&["run"], false), None);
        assert_eq!(named(&["run", "--number", "x"], true), None);
        assert_eq!(named(&["run", "--number=x"], true), None);
    }
}
