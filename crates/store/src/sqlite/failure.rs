//! Turns the driver's errors into the store's. The only place that reads SQLite result codes.

use rusqlite::{Error, ErrorCode};

use crate::error::{Cause, Remedy, StoreError};

/// Adds what was being done to a driver's result.
pub(super) trait During<T> {
    fn during(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> During<T> for Result<T, Error> {
    fn during(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| {
            let (variant, remedy) = (variant_of(&error), remedy_for(&error));
            variant(Cause::with(doing, error).until(remedy))
        })
    }
}

fn variant_of(error: &Error) -> fn(Cause) -> StoreError {
    match error {
        Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt,
            ErrorCode::ConstraintViolation => StoreError::Conflict,
            _ => StoreError::Unavailable,
        },
        // A column that does not hold what the schema promises.
        Error::FromSqlConversionFailure(..)
        | Error::InvalidColumnType(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::Utf8Error(..) => StoreError::Corrupt,
        _ => StoreError::Unavailable,
    }
}

/// What it takes until the file can be used.
fn remedy_for(error: &Error) -> Remedy {
    match error.sqlite_error_code() {
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => Remedy::Settings,
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory) => Remedy::Repair,
        _ => Remedy::Time,
    }
}
