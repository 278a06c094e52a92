//! Accepts connections so that an orderly stop drops none of them.
//!
//! axum ends a connection at once that was accepted but not read from yet, and its client, which has sent a request, gets
//! no answer. So a stop has two steps: accept no more (what comes then waits in the kernel for the next daemon), and end
//! the connections only when each was heard once, or kept silent for [`HEARING_MAX`].
//!
//! Nobody keeps a connection for nothing, and strangers together get no more than most of the descriptors there
//! are: the database, the folder and the deliveries go on when the house is full.

use std::{
    fs, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::Sleep,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use crate::tls::Line;

/// How long a stop waits for the first bytes of connections: browsers open some that they then do not use.
const HEARING_MAX: Duration = Duration::from_secs(1);

/// How long a connection may lie idle, at least; at most twice as long. As nginx's `keepalive_timeout`.
const IDLE_MAX: Duration = Duration::from_secs(75);
/// Where the system does not say how many descriptors there are: the usual soft limit.
const DESCRIPTORS_USUAL: usize = 1024;
/// Descriptors for everything but visitors, at least: the database, the folder, deliveries and what they keep open.
const RESERVE_MIN: usize = 128;
/// Seats there are in any case.
const SEATS_MIN: usize = 8;

/// Connections accepted by all doors of a daemon that have not been heard yet.
#[derive(Debug, Clone)]
pub struct Hearing {
    unheard: Arc<watch::Sender<usize>>,
    closed: CancellationToken,
    /// For each connection one: who finds none waits outside, in the kernel's queue.
    seats: Arc<Semaphore>,
    idle_max: Duration,
}

impl Hearing {
    pub fn new() -> Self {
        Self::with(seats(), IDLE_MAX)
    }

    fn with(seats: usize, idle_max: Duration) -> Self {
        let seats = Arc::new(Semaphore::new(seats));
        Self { unheard: Arc::new(watch::Sender::new(0)), closed: CancellationToken::new(), seats, idle_max }
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
    /// What is spoken here is TLS.
    tls: Option<Arc<ServerConfig>>,
}

impl Door {
    pub fn new(listener: TcpListener, hearing: Hearing) -> Self {
        Self { listener, hearing, tls: None }
    }

    /// Speaks TLS with whoever comes.
    pub fn guarded(self, tls: Option<Arc<ServerConfig>>) -> Self {
        Self { tls, ..self }
    }
}

impl Listener for Door {
    type Io = Caller;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Caller, SocketAddr) {
        let seated = async {
            let seat = match Arc::clone(&self.hearing.seats).try_acquire_owned() {
                Ok(seat) => seat,
                Err(_) => {
                    tracing::warn!("all seats are taken: who comes now waits until somebody leaves");
                    match Arc::clone(&self.hearing.seats).acquire_owned().await {
                        Ok(seat) => seat,
                        // Nobody closes the semaphore.
                        Err(_) => std::future::pending().await,
                    }
                }
            };
            let (stream, address) = Listener::accept(&mut self.listener).await;
            let line = match &self.tls {
                Some(config) => Line::guarded(stream, config),
                None => Line::plain(stream),
            };
            (Caller::new(line, &self.hearing, seat), address)
        };
        tokio::select! {
            biased;
            () = self.hearing.closed.cancelled() => std::future::pending().await,
            caller = seated => caller,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection. What counts is what is said: a handshake is nothing yet.
pub struct Caller {
    line: Line,
    unheard: Option<Unheard>,
    /// Fires to see whether anything happened since it last did.
    idle: Pin<Box<Sleep>>,
    /// Something did.
    stirred: bool,
    idle_max: Duration,
    _seat: OwnedSemaphorePermit,
}

impl Caller {
    fn new(line: Line, hearing: &Hearing, seat: OwnedSemaphorePermit) -> Self {
        let idle_max = hearing.idle_max;
        let idle = Box::pin(tokio::time::sleep(idle_max));
        Self { line, unheard: Some(Unheard::new(hearing)), idle, stirred: false, idle_max, _seat: seat }
    }

    /// Whether nothing was read or written for so long that the connection has to go.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.idle.as_mut().poll(context).is_ready() {
            if !std::mem::take(&mut self.stirred) {
                return Poll::Ready(());
            }
            let next = self.idle.deadline() + self.idle_max;
            self.idle.as_mut().reset(next);
        }
        Poll::Pending
    }

    /// Small answers leave at once.
    pub fn set_nodelay(&self) -> io::Result<()> {
        self.line.set_nodelay()
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
        let read = Pin::new(&mut self.line).poll_read(context, buffer);
        if read.is_ready() {
            self.unheard = None;
            self.stirred = true;
            return read;
        }
        self.poll_idle(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Caller {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.line).poll_write(context, bytes);
        self.stirred |= written.is_ready();
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.line).poll_write_vectored(context, pieces);
        self.stirred |= written.is_ready();
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.line.is_write_vectored()
    }
}

/// How many may be served at once: of the descriptors that the system gives us, a quarter is for everything else.
fn seats() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let descriptors = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = descriptors.and_then(|numbers| numbers.split_whitespace().next()?.parse().ok());
    let descriptors: usize = soft.unwrap_or(DESCRIPTORS_USUAL);
    let reserve = (descriptors / 4).max(RESERVE_MIN);
    descriptors.saturating_sub(reserve).clamp(SEATS_MIN, Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

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
    async fn who_finds_no_seat_waits_until_somebody_leaves() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = Door::new(listener, Hearing::with(1, IDLE_MAX));
        let _first = TcpStream::connect(address).await.unwrap();
        let _second = TcpStream::connect(address).await.unwrap();
        let (first, _) = door.accept().await;
        tokio::select! {
            biased;
            _ = door.accept() => panic!("somebody was let in without a seat"),
            () = tokio::task::yield_now() => {}
        }
        drop(first);
        door.accept().await;
    }

    #[tokio::test]
    async fn a_connection_on_which_nothing_happens_is_ended() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = Door::new(listener, Hearing::with(1, Duration::from_millis(1)));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let (mut caller, _) = door.accept().await;
        stream.write_all(b"G").await.unwrap();
        assert_eq!(caller.read_u8().await.unwrap(), b'G');
        assert_eq!(caller.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn there_are_seats_for_most_descriptors() {
        assert!(seats() >= SEATS_MIN);
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
