//! A stream whose end of input is kept back while an answer is under way, so that a client that has sent everything may say so
//! before it has read the answer.
//!
//! A connection that was reset is seen at once: work for a client that has gone would only be in the way of others. It does not
//! decide when a request is over.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::paced::HeadMeter;

/// A stream that keeps the end of its input back.
#[derive(Debug)]
pub(super) struct HalfClosed<S> {
    stream: S,
    heads: Arc<HeadMeter>,
}

impl<S> HalfClosed<S> {
    pub(super) const fn new(stream: S, heads: Arc<HeadMeter>) -> Self {
        Self { stream, heads }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HalfClosed<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (room, before) = (to.remaining(), to.filled().len());
        ready!(Pin::new(&mut self.stream).poll_read(context, to))?;
        let has_ended = room > 0 && to.filled().len() == before;
        // Nobody has to be woken: after the answer, the connection is read again.
        if has_ended && self.heads.is_answering() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HalfClosed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
