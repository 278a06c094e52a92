//! Accepts connections so that an orderly stop drops none of them.
//!
//! axum ends a connection at once that was accepted but not read from yet, and its client, which has sent a request, gets
//! no answer. So a stop has two steps: accept no more (what comes then waits in the kernel for the next daemon), and end
//! the connections only when each was heard once, or kept silent for [`HEARING_MAX`].

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

/// How long a stop waits for the first bytes of connections: browsers open some that they then do not use.
const HEARING_MAX: Duration = Duration::from_secs(1);

/// Connections accepted by all doors of a daemon that have not been heard yet.
#[derive(Debug, Clone)]
pub struct Hearing {
    unheard: Arc<watch::Sender<usize>>,
    closed: CancellationToken,
}

impl Hearing {
    pub fn new() -> Self {
        Self { unheard: Arc::new(watch::Sender::new(0)), closed: CancellationToken::new() }
    }

    /// Accepts no more, and returns when nobody who was let in is still unheard.
    pub async fn end(&self) {
        self.closed.cancel();
        let mut unheard = self.unheard.subscribe();
        // The sender lives as long as this borrow of it; whoever said nothing in time has nothing to lose.
        let _ = tokio::time::timeout(HEARING_MAX, unheard.wait_for(|count| *count == 0)).await;
    }
}

/// A listener that can be closed before its connections are ended.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    hearing: Hearing,
}

impl Door {
    pub fn new(listener: TcpListener, hearing: Hearing) -> Self {
        Self { listener, hearing }
    }
}

impl Listener for Door {
    type Io = Caller;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Caller, SocketAddr) {
        tokio::select! {
            biased;
            () = self.hearing.closed.cancelled() => std::future::pending().await,
            (stream, address) = Listener::accept(&mut self.listener) => {
                (Caller { stream, unheard: Some(Unheard::new(&self.hearing)) }, address)
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection.
#[derive(Debug)]
pub struct Caller {
    stream: TcpStream,
    unheard: Option<Unheard>,
}

impl Caller {
    /// Small answers leave at once.
    pub fn set_nodelay(&self) -> io::Result<()> {
        self.stream.set_nodelay(true)
    }
}

/// Counts a connection until its first bytes are read, or it ends.
#[derive(Debug)]
struct Unheard(Arc<watch::Sender<usize>>);

impl Unheard {
    fn new(hearing: &Hearing) -> Self {
        hearing.unheard.send_modify(|count| *count += 1);
        Self(Arc::clone(&hearing.unheard))
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl AsyncRead for Caller {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.unheard = None;
        }
        read
    }
}

impl AsyncWrite for Caller {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn whoever_was_let_in_is_heard_before_the_end_and_whoever_comes_later_waits_outside() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hearing = Hearing::new();
        let mut door = Door::new(listener, hearing.clone());
        let mut early = TcpStream::connect(address).await.unwrap();
        let (mut caller, _) = door.accept().await;
        let end = hearing.end();
        tokio::pin!(end);
        tokio::select! {
            biased;
            () = &mut end => panic!("it ended before the caller was heard"),
            () = tokio::task::yield_now() => {}
        }
        let _late = TcpStream::connect(address).await.unwrap();
        tokio::select! {
            biased;
            _ = door.accept() => panic!("somebody was let in after the end"),
            () = tokio::task::yield_now() => {}
        }
        early.write_all(b"GET").await.unwrap();
        let mut heard = [0; 3];
        caller.read_exact(&mut heard).await.unwrap();
        end.await;
        assert_eq!(&heard, b"GET");
    }

    #[tokio::test]
    async fn a_caller_who_says_nothing_holds_nobody_up_for_long() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hearing = Hearing::new();
        let mut door = Door::new(listener, hearing.clone());
        let _silent = TcpStream::connect(address).await.unwrap();
        let _caller = door.accept().await;
        hearing.end().await;
        assert_eq!(*hearing.unheard.borrow(), 1);
    }
}
