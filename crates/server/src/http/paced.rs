//! A stream that fails when the other side reads too slowly, or sends long headers for which there is no memory, and that takes
//! the rest of a refused body before it closes.
//!
//! It does not limit reading: a header has a timeout of its own, and a body is metered where it is read.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::gate::{
    limits::{Reservation, RoomFull},
    pace::{Pace, PaceTimer},
};

/// Bytes of a head that need no room: a connection has a buffer of this size anyway.
const FREE_HEAD: usize = 8 * 1024;

/// How long the rest of a refused body is taken. Closed while it still arrives, the connection would be reset, and its client would
/// fail to send before it has read why.
const LINGER: Duration = Duration::from_secs(5);

/// Accounts for what arrives on a connection before a request is there. Nobody can have proven anything until then.
#[derive(Debug)]
pub(super) struct HeadMeter {
    reservation: Reservation,
    in_request: AtomicBool,
    /// Whether the body of the request has been read.
    body_ended: Arc<AtomicBool>,
    body_refused: AtomicBool,
    bytes: AtomicUsize,
}

impl HeadMeter {
    pub(super) fn new(reservation: Reservation) -> Self {
        let (in_request, body_refused) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { reservation, in_request, body_ended: Arc::default(), body_refused, bytes: AtomicUsize::new(0) }
    }

    /// Where it is noted that the body of the request has been read.
    pub(super) fn body_end(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.body_ended)
    }

    /// Whether a whole request is here and its answer is not sent yet.
    pub(super) fn is_answering(&self) -> bool {
        self.in_request.load(Ordering::Relaxed) && self.body_ended.load(Ordering::Relaxed)
    }

    /// Notes that the connection ends with an answer whose request is not read to its end.
    pub(super) fn refuse_body(&self) {
        self.body_refused.store(true, Ordering::Relaxed);
    }

    /// Notes that a head is complete; what follows is not accounted for here until the result is dropped.
    pub(super) fn begin_request(self: &Arc<Self>) -> InRequest {
        self.body_ended.store(false, Ordering::Relaxed);
        self.in_request.store(true, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.reservation.release();
        InRequest(Arc::clone(self))
    }

    /// The error of a head that cannot be waited for, because the room is needed by others.
    fn poll_gave_way(&self, context: &Context<'_>) -> Poll<io::Error> {
        if self.in_request.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        self.reservation.poll_gave_way(context).map(|()| io::Error::other(RoomFull))
    }

    fn received(&self, bytes: usize) -> io::Result<()> {
        if self.in_request.load(Ordering::Relaxed) {
            return Ok(());
        }
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let more = before.saturating_add(bytes).saturating_sub(FREE_HEAD.max(before));
        if more == 0 { Ok(()) } else { self.reservation.grow(more).map_err(io::Error::other) }
    }
}

/// A request whose head is complete.
#[derive(Debug)]
pub(super) struct InRequest(Arc<HeadMeter>);

impl Drop for InRequest {
    fn drop(&mut self) {
        self.0.in_request.store(false, Ordering::Relaxed);
    }
}

/// A stream whose writes keep a pace or fail with [`io::ErrorKind::TimedOut`].
#[derive(Debug)]
pub(super) struct Paced<S> {
    stream: S,
    writes: PaceTimer,
    heads: Arc<HeadMeter>,
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(super) const fn new(stream: S, pace: Pace, heads: Arc<HeadMeter>) -> Self {
        Self { stream, writes: PaceTimer::new(pace), heads, lingering: None }
    }

    fn judge(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => self.writes.moved(bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                return self
                    .writes
                    .poll_too_slow(context)
                    .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes the answer too slowly")));
            }
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        if Pin::new(&mut self.stream).poll_read(context, to)?.is_pending() {
            return self.heads.poll_gave_way(context).map(Err);
        }
        Poll::Ready(self.heads.received(to.filled().len() - before))
    }
}

impl<S: AsyncRead + Unpin> Paced<S> {
    /// Takes what still arrives, until the other side has sent everything or the time is over.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let over = self.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut taken = [0; 8 * 1024];
        while over.as_mut().poll(context).is_pending() {
            let mut taken = ReadBuf::new(&mut taken);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut taken));
            if read.is_err() || taken.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, from);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, from);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            // Everything is written: until the next answer nobody waits for the client.
            self.writes.stop();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if self.heads.body_refused.load(Ordering::Relaxed) {
            ready!(self.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::{Instant, sleep},
    };

    use super::*;
    use crate::gate::limits::{Room, RoomSize};

    fn heads(room: &Arc<Room>) -> Arc<HeadMeter> {
        Arc::new(HeadMeter::new(room.reservation(None)))
    }

    fn paced<S>(stream: S) -> Paced<S> {
        Paced::new(stream, PACE, heads(&Arc::default()))
    }

    #[test]
    fn a_long_head_needs_room_until_it_is_complete() {
        let room = Arc::new(Room::new(RoomSize { total: 1000, per_peer: 1000 }));
        let (one, other) = (heads(&room), heads(&room));
        one.received(FREE_HEAD - 10).unwrap();
        assert_eq!(room.held(), 0);
        one.received(810).unwrap();
        assert_eq!(room.held(), 800);
        assert!(other.received(FREE_HEAD + 300).is_err());
        let request = one.begin_request();
        one.received(1_000_000).unwrap();
        assert_eq!(room.held(), 0);
        drop(request);
        one.received(FREE_HEAD + 1).unwrap();
        assert_eq!(room.held(), 1);
    }

    const PACE: Pace = Pace { bytes: 100, window: Duration::from_secs(20) };

    #[tokio::test(start_paused = true)]
    async fn the_rest_of_a_refused_body_is_taken_for_a_while_and_no_longer() {
        let (near, mut far) = duplex(10);
        let room = Arc::default();
        let heads = heads(&room);
        heads.refuse_body();
        let endless = tokio::spawn(async move {
            while far.write_all(b"x").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        let begun = Instant::now();
        let mut stream = Paced::new(near, PACE, heads);
        stream.shutdown().await.unwrap();
        assert_eq!(begun.elapsed(), LINGER);
        drop(stream);
        endless.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_takes_fails_after_a_window() {
        let (near, _far) = duplex(10);
        let begun = Instant::now();
        let error = paced(near).write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, PACE.window));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_is_taken_byte_by_byte_fails_after_a_window() {
        let (near, mut far) = duplex(10);
        let dripping = tokio::spawn(async move {
            while far.read_u8().await.is_ok() {
                sleep(Duration::from_secs(5)).await;
            }
        });
        let error = paced(near).write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        dripping.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_at_the_pace_passes_however_long_it_takes() {
        let (near, mut far) = duplex(10);
        let reading = tokio::spawn(async move {
            let mut taken = 0;
            while taken < 1000 {
                taken += far.read(&mut [0; 10]).await.unwrap();
                sleep(Duration::from_secs(1)).await;
            }
        });
        let mut stream = paced(near);
        stream.write_all(&[0; 1000]).await.unwrap();
        stream.flush().await.unwrap();
        reading.await.unwrap();
    }
}
