//! The flags of `cargo xtask up`, so that the server is not compiled for a command that is refused then. What they mean, and what is
//! said about a wrong one, is in `xtask`, whose tests compare its flags with these.

use std::ffi::OsString;

/// What stands behind a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    None,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Any text.
    Any,
}

/// Every flag of `up` that leads to a server.
pub const FLAGS_OF_UP: [(&str, Value); 5] = [
    ("--engine", Value::OneOf(&["postgresql", "mariadb"])),
    ("--mode", Value::OneOf(&["single", "multi"])),
    ("--once", Value::None),
    ("--listen", Value::Any),
    ("--data", Value::Any),
];

/// Whether `up` will take the arguments behind it. One that is refused here and taken there is compiled for in two steps.
#[must_use]
pub fn are_flags_of_up(arguments: &[OsString]) -> bool {
    let Some(arguments) = arguments.iter().map(|argument| argument.to_str()).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        let (flag, joined) = argument.split_once('=').map_or((argument, None), |(flag, value)| (flag, Some(value)));
        let Some((_, takes)) = FLAGS_OF_UP.iter().find(|(name, _)| *name == flag) else {
            return false;
        };
        let is_right = match takes {
            Value::None => joined.is_none(),
            Value::OneOf(values) => joined.or_else(|| rest.next()).is_some_and(|value| values.contains(&value)),
            Value::Any => joined.or_else(|| rest.next()).is_some(),
        };
        if !is_right {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_taken(arguments: &str) -> bool {
        are_flags_of_up(&arguments.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn flags_with_their_values_are_taken() {
        for arguments in ["", "--once", "--engine mariadb --mode=multi --once", "--data somewhere --listen 127.0.0.1:0"]
        {
            assert!(are_taken(arguments), "{arguments}");
        }
    }

    #[test]
    fn a_mistyped_flag_or_value_is_not_taken() {
        for arguments in
            ["--onec", "--once=yes", "--engine", "--engine oracle", "--mode=", "--data", "mariadb", "--help", "-h"]
        {
            assert!(!are_taken(arguments), "{arguments}");
        }
    }
}
