//! Reads request bodies within limits of pace and memory.
//!
//! It does not parse them; [`super::json`] does.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use csms_api::ErrorCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Frame, SizeHint};
use zeroize::Zeroizing;

use crate::{
    failure::Failure,
    gate::limits::{RoomFull, Standing},
    gate::pace::{Pace, PaceTimer},
};

/// Largest body that a signature covers: 12 MB (`compatibility/authentication.md#2-sdk-hmac-sha256-verification-steps`).
pub const MAX_BODY_BYTES: usize = 12 * 1024 * 1024;

/// Largest body of a login, in bytes.
pub const MAX_LOGIN_BYTES: usize = 16 * 1024;

/// How long the body of a login may take in all. Nobody stands behind it who could be asked to pay for waiting.
const LOGIN_TIME: Duration = Duration::from_secs(10);

/// Most room that is made for a body because its head announces it, in bytes. Announcing costs the sender nothing.
const MAX_ROOM: usize = 16 * 1024;

/// A body moved too slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body moved too slowly")
    }
}

impl std::error::Error for TooSlow {}

/// A body that fails when it moves slower than the pace, or when there is no room for more of a sender who has proven nothing.
pub struct MeteredBody<B> {
    body: B,
    timer: PaceTimer,
    standing: Standing,
}

impl<B: HttpBody> MeteredBody<B> {
    /// Meters a body.
    pub fn new(body: B, pace: Pace, standing: Standing) -> Self {
        let metered = Self { body, timer: PaceTimer::new(pace), standing };
        metered.note_end();
        metered
    }

    /// Tells the standing when nothing is left to be read.
    fn note_end(&self) {
        if self.body.is_end_stream() {
            self.standing.end_body();
        }
    }
}

impl<B> HttpBody for MeteredBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            if self.standing.poll_gave_way(context).is_ready() {
                return Poll::Ready(Some(Err(RoomFull.into())));
            }
            return self.timer.poll_too_slow(context).map(|()| Some(Err(TooSlow.into())));
        };
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.timer.moved(bytes);
                self.note_end();
                Some(self.standing.received(bytes).map(|()| frame).map_err(Into::into))
            }
            Some(Err(error)) => Some(Err(error.into())),
            None => {
                self.standing.end_body();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Reads a whole body. Parts that have to be put together are wiped when the result is dropped.
///
/// # Errors
/// 413 above `limit` bytes; 408 when it moves too slowly; 429 when its sender has proven nothing and there is no room; 400
/// when it breaks off.
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || Failure::new(ErrorCode::BodyTooLarge, format!("the limit is {limit} bytes"));
    // The head says how long it is, so nothing of one that is too long is waited for.
    let announced = usize::try_from(body.size_hint().lower()).ok().filter(|announced| *announced <= limit);
    let announced = announced.ok_or_else(too_large)?.min(MAX_ROOM);
    let mut body = Limited::new(body, limit);
    let mut whole = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| refusal(error.as_ref()).unwrap_or_else(too_large))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        let needed = whole.len() + data.len();
        if needed > whole.capacity() {
            // A buffer that grows by itself would leave its beginning behind.
            let mut larger = Zeroizing::new(Vec::with_capacity(announced.max(needed.saturating_mul(2))));
            larger.extend_from_slice(&whole);
            whole = larger;
        }
        whole.extend_from_slice(&data);
    }
    Ok(Bytes::from_owner(whole))
}

/// Reads the body of a login, which is small and has to arrive soon.
///
/// # Errors
/// As [`read_body`], and 408 after 10 seconds.
pub async fn read_login_body(body: Body) -> Result<Bytes, Failure> {
    let read = tokio::time::timeout(LOGIN_TIME, read_body(body, MAX_LOGIN_BYTES)).await;
    read.unwrap_or_else(|_| {
        let seconds = LOGIN_TIME.as_secs();
        Err(Failure::new(ErrorCode::BodyTimeout, format!("the body of a login has {seconds} seconds in all")))
    })
}

/// The failure for an error of a body; `None` when it is too long.
fn refusal(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<Failure> {
    /// Whether an error or one of its sources is of a type.
    fn is<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| error.source()).any(<dyn std::error::Error>::is::<E>)
    }
    if is::<LengthLimitError>(error) {
        None
    } else if is::<TooSlow>(error) {
        Some(Failure::new(ErrorCode::BodyTimeout, ""))
    } else if is::<RoomFull>(error) {
        Some(Failure::new(ErrorCode::Throttled, RoomFull.to_string()))
    } else {
        Some(Failure::new(ErrorCode::InvalidBody, "the body broke off"))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, sync::Arc};

    use axum::http::Extensions;
    use tokio::time::{Instant, Sleep, sleep};

    use super::*;
    use crate::gate::limits::{Room, RoomSize};

    /// A body of parts, each after a pause.
    struct Slow {
        parts: VecDeque<&'static [u8]>,
        pause: Duration,
        sleep: Pin<Box<Sleep>>,
    }

    impl HttpBody for Slow {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
            std::task::ready!(self.sleep.as_mut().poll(context));
            self.sleep = Box::pin(sleep(self.pause));
            let part = self.parts.pop_front();
            Poll::Ready(part.map(|part| Ok(Frame::data(Bytes::from_static(part)))))
        }
    }

    fn slow(parts: usize, part: &'static [u8], pause: Duration) -> Slow {
        Slow { parts: vec![part; parts].into(), pause, sleep: Box::pin(sleep(pause)) }
    }

    fn standing(size: RoomSize) -> (Arc<Room>, Standing) {
        let room = Arc::new(Room::new(size));
        (Arc::clone(&room), Standing::new(room.reservation(None), Arc::default(), || ()))
    }

    fn metered(body: Slow) -> Body {
        Body::new(MeteredBody::new(body, Pace::default(), standing(RoomSize::default()).1))
    }

    fn code(read: Result<Bytes, Failure>) -> ErrorCode {
        read.unwrap_err().error.code
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_body_at_20_kilobytes_a_second_passes() {
        const PART: &[u8] = &[b'x'; 20_000];
        let read = read_body(metered(slow(250, PART, Duration::from_secs(1))), MAX_BODY_BYTES).await;
        assert_eq!(read.unwrap().len(), 5_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_every_five_seconds_ends_after_a_window() {
        let begun = Instant::now();
        let read = read_body(metered(slow(1000, b"x", Duration::from_secs(5))), MAX_BODY_BYTES).await;
        assert_eq!(code(read), ErrorCode::BodyTimeout);
        assert!(begun.elapsed() <= Pace::default().window * 2, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_has_ten_seconds_in_all_and_16_kilobytes() {
        const PART: &[u8] = &[b'x'; 4096];
        let begun = Instant::now();
        let read = read_login_body(metered(slow(3, PART, Duration::from_secs(4)))).await;
        assert_eq!((code(read), begun.elapsed()), (ErrorCode::BodyTimeout, LOGIN_TIME));
        let read = read_login_body(metered(slow(3, PART, Duration::from_secs(2)))).await;
        assert_eq!(read.unwrap().len(), 3 * 4096);
        let read = read_login_body(metered(slow(5, PART, Duration::from_secs(1)))).await;
        assert_eq!(code(read), ErrorCode::BodyTooLarge);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unproven_body_is_bounded_by_the_room_and_a_proven_one_is_not() {
        const PART: &[u8] = &[b'x'; 1000];
        let (room, unproven) = standing(RoomSize { total: 2500, per_peer: 2500 });
        let body = MeteredBody::new(slow(3, PART, Duration::from_secs(1)), Pace::default(), unproven.clone());
        assert_eq!(code(read_body(Body::new(body), MAX_BODY_BYTES).await), ErrorCode::Throttled);
        assert_eq!(room.held(), 2000);
        let mut extensions = Extensions::new();
        extensions.insert(unproven.clone());
        Standing::prove(&extensions);
        let body = MeteredBody::new(slow(3, PART, Duration::from_secs(1)), Pace::default(), unproven);
        assert_eq!(read_body(Body::new(body), MAX_BODY_BYTES).await.unwrap().len(), 3000);
        assert_eq!(room.held(), 0);
    }
}
