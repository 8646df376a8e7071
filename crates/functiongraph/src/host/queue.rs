//! How many invocations may wait, and how much memory their events may hold while they do.
//!
//! It decides which invocations may wait. The semaphore of the instances decides which runs next.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::InvokeError;

/// Room for waiting invocations, in number or in bytes.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// Room that is taken until this is dropped.
pub(super) type Place = OwnedSemaphorePermit;

impl Room {
    /// Room for so many invocations or bytes, at most 2³² − 1.
    pub(super) fn new(size: usize) -> Self {
        Self(Arc::new(Semaphore::new(size.min(u32::MAX as usize))))
    }

    /// Takes room at once.
    ///
    /// # Errors
    /// [`InvokeError::QueueFull`] if there is not so much left.
    pub(super) fn take(&self, size: usize) -> Result<Place, InvokeError> {
        let size = u32::try_from(size).map_err(|_| InvokeError::QueueFull)?;
        Arc::clone(&self.0).try_acquire_many_owned(size).map_err(|_| InvokeError::QueueFull)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_with_its_place() {
        let room = Room::new(10);
        let place = room.take(7).unwrap();
        assert!(matches!(room.take(4), Err(InvokeError::QueueFull)));
        assert!(room.take(3).is_ok());
        drop(place);
        assert!(room.take(10).is_ok());
        assert!(matches!(room.take(11), Err(InvokeError::QueueFull)));
    }
}
