//! Log lines of a function: one record is one line on standard error, which the platform collects.
//!
//! Standard error is not buffered, so a line is out before the result is posted. No levels are filtered.

use std::{
    fmt,
    io::{self, Write},
};

/// How important a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// What stands in place of a request id in records which belong to no invocation.
pub(super) const NO_REQUEST: &str = "-";

/// Writes one record. A broken standard error is no reason to fail an invocation.
pub(super) fn write(request_id: &str, level: Level, text: &dyn fmt::Display) {
    let line = line(jiff::Timestamp::now(), request_id, level, text);
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(line.as_bytes()).and_then(|()| stderr.flush());
}

fn line(now: jiff::Timestamp, request_id: &str, level: Level, text: &dyn fmt::Display) -> String {
    let text = text.to_string().replace('\r', "\\r").replace('\n', "\\n");
    format!("{now:.3} {request_id} {} {text}\n", level.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_with_time_request_id_and_level() {
        let now = jiff::Timestamp::from_millisecond(1_700_000_000_123).unwrap();
        let written = line(now, "an-id", Level::Warn, &"first\nsecond");
        assert_eq!(written, "2023-11-14T22:13:20.123Z an-id WARN first\\nsecond\n");
    }
}
