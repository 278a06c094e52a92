//! A connection, plain or under TLS, as the server reads it: the handshake is made when the first bytes are asked for, so
//! that nobody who is slow at it holds up whoever comes next.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};
use tokio_rustls::{Accept, TlsAcceptor, rustls::ServerConfig, server::TlsStream};

/// How long a handshake may take. Two ways around the world and a slow machine take two seconds.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// One connection.
pub struct Line(State);

enum State {
    Plain(TcpStream),
    Greeting(Box<Greeting>),
    Open(Box<TlsStream<TcpStream>>),
    /// An authority saw what it came for: nothing is said any more (RFC 8737 section 3).
    #[cfg(feature = "acme")]
    Proven(Box<TlsStream<TcpStream>>),
    Failed,
}

struct Greeting {
    accept: Accept<TcpStream>,
    deadline: Pin<Box<Sleep>>,
}

impl Line {
    pub fn plain(stream: TcpStream) -> Self {
        Self(State::Plain(stream))
    }

    /// Speaks TLS from the first byte on.
    pub fn guarded(stream: TcpStream, config: &Arc<ServerConfig>) -> Self {
        Self::guarded_for(stream, config, HANDSHAKE_MAX)
    }

    fn guarded_for(stream: TcpStream, config: &Arc<ServerConfig>, handshake_max: Duration) -> Self {
        let accept = TlsAcceptor::from(Arc::clone(config)).accept(stream);
        Self(State::Greeting(Box::new(Greeting { accept, deadline: Box::pin(tokio::time::sleep(handshake_max)) })))
    }

    /// Small answers leave at once.
    pub fn set_nodelay(&self) -> io::Result<()> {
        match &self.0 {
            State::Plain(stream) => stream.set_nodelay(true),
            State::Greeting(greeting) => greeting.accept.get_ref().map_or(Ok(()), |stream| stream.set_nodelay(true)),
            State::Open(stream) => stream.get_ref().0.set_nodelay(true),
            #[cfg(feature = "acme")]
            State::Proven(_) => Ok(()),
            State::Failed => Ok(()),
        }
    }

    /// Goes on with the handshake, if there is one.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Greeting(greeting) = &mut self.0 else { return Poll::Ready(Ok(())) };
        if greeting.deadline.as_mut().poll(context).is_ready() {
            self.0 = State::Failed;
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        match ready!(Pin::new(&mut greeting.accept).poll(context)) {
            Ok(stream) => {
                self.0 = opened(stream);
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                tracing::debug!(%error, "a handshake failed: {error}");
                self.0 = State::Failed;
                Poll::Ready(Err(error))
            }
        }
    }
}

fn opened(stream: TlsStream<TcpStream>) -> State {
    #[cfg(feature = "acme")]
    if stream.get_ref().1.alpn_protocol() == Some(super::shown::CHALLENGE_PROTOCOL) {
        return State::Proven(Box::new(stream));
    }
    State::Open(Box::new(stream))
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?;
        match &mut self.0 {
            State::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            State::Open(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(feature = "acme")]
            State::Proven(_) => Poll::Ready(Ok(())),
            State::Greeting(_) | State::Failed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_through(context, |stream, context| match stream {
            Way::Plain(stream) => stream.poll_write(context, bytes),
            Way::Open(stream) => stream.poll_write(context, bytes),
        })
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_through(context, |stream, context| match stream {
            Way::Plain(stream) => stream.poll_write_vectored(context, pieces),
            Way::Open(stream) => stream.poll_write_vectored(context, pieces),
        })
    }

    /// Both kinds of stream can.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.way() {
            Some(Way::Plain(stream)) => stream.poll_flush(context),
            Some(Way::Open(stream)) => stream.poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.way() {
            Some(Way::Plain(stream)) => stream.poll_shutdown(context),
            Some(Way::Open(stream)) => stream.poll_shutdown(context),
            // Nothing was agreed on that could be taken leave of: dropping the connection ends it.
            None => Poll::Ready(Ok(())),
        }
    }
}

/// What bytes go through.
enum Way<'a> {
    Plain(Pin<&'a mut TcpStream>),
    Open(Pin<&'a mut TlsStream<TcpStream>>),
}

impl Line {
    fn way(&mut self) -> Option<Way<'_>> {
        match &mut self.0 {
            State::Plain(stream) => Some(Way::Plain(Pin::new(stream))),
            State::Open(stream) => Some(Way::Open(Pin::new(stream))),
            #[cfg(feature = "acme")]
            State::Proven(stream) => Some(Way::Open(Pin::new(stream))),
            State::Greeting(_) | State::Failed => None,
        }
    }

    fn poll_through(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Way<'_>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(context))?;
        match self.way() {
            Some(way) => write(way, context),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use tokio_rustls::rustls::crypto::aws_lc_rs;

    use super::*;
    use crate::tls::Shown;

    /// A connection under TLS without a certificate, and its other end.
    async fn guarded(handshake_max: Duration) -> (Line, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let outside = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Shown::default()));
        (Line::guarded_for(stream, &Arc::new(config), handshake_max), outside)
    }

    #[tokio::test]
    async fn a_handshake_that_does_not_come_is_not_waited_for() {
        let (mut line, _silent) = guarded(Duration::from_millis(1)).await;
        assert_eq!(line.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(line.read_u8().await.unwrap_err().kind(), io::ErrorKind::NotConnected);
    }

    #[tokio::test]
    async fn whoever_does_not_speak_tls_is_told_so_and_left() {
        let (mut line, mut outside) = guarded(HANDSHAKE_MAX).await;
        outside.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!(line.read_u8().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        drop(line);
        let mut alert = Vec::new();
        // What comes before the end of the connection, whichever way it ends.
        let _ = outside.read_to_end(&mut alert).await;
        // A fatal alert (RFC 8446 section 6).
        assert_eq!((alert[0], alert[5]), (21, 2), "{alert:?}");
    }
}
