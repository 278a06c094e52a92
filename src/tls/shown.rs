//! What a handshake is answered with: the certificate, or the proof that an authority asks for.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::watch;
use tokio_rustls::rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::Pair;

/// What an authority's challenge speaks, and nothing else (RFC 8737 section 4).
pub(super) const CHALLENGE_PROTOCOL: &[u8] = b"acme-tls/1";
/// Where an authority asks over plain http (RFC 8555 section 8.3).
const CHALLENGE_PATH: &str = "/.well-known/acme-challenge/";

/// Outlives a reload of the settings, so that nobody is refused between two daemons of one process.
#[derive(Debug, Default)]
pub struct Shown {
    now: watch::Sender<Board>,
}

#[derive(Debug, Default)]
struct Board {
    /// Whom the certificate is for.
    host: String,
    pair: Option<Pair>,
    /// For `acme-tls/1`: the only certificate that may be shown there.
    proof: Option<Arc<CertifiedKey>>,
    /// For http: what is told to whom asks for a token.
    answers: HashMap<String, String>,
}

impl Shown {
    /// What was shown for another host is shown no more.
    pub(super) fn begin(&self, host: &str) {
        self.now.send_modify(|board| {
            if board.host != host {
                *board = Board { host: host.to_owned(), ..Board::default() };
            }
        });
    }

    pub(super) fn pair(&self) -> Option<Pair> {
        self.now.borrow().pair.clone()
    }

    pub(super) fn show(&self, pair: Pair) {
        self.now.send_modify(|board| board.pair = Some(pair));
    }

    #[cfg(feature = "acme")]
    pub(super) fn prove(&self, proof: CertifiedKey) {
        self.now.send_modify(|board| board.proof = Some(Arc::new(proof)));
    }

    #[cfg(feature = "acme")]
    pub(super) fn answer(&self, token: &str, answer: &str) {
        self.now.send_modify(|board| {
            board.answers.insert(token.to_owned(), answer.to_owned());
        });
    }

    /// The authority has seen what it asked for.
    #[cfg(feature = "acme")]
    pub(super) fn forget_challenges(&self) {
        self.now.send_modify(|board| {
            board.proof = None;
            board.answers.clear();
        });
    }

    /// Whether anybody can be served over https.
    pub fn has_certificate(&self) -> bool {
        self.now.borrow().pair.is_some()
    }
}

/// What is told over plain http at the place where authorities ask; `None` elsewhere and where nobody asked us to.
pub fn challenge_answer(shown: &Shown, path: &str) -> Option<String> {
    shown.now.borrow().answers.get(path.strip_prefix(CHALLENGE_PATH)?).cloned()
}

impl ResolvesServerCert for Shown {
    /// The one certificate, whatever name is asked for and if none is: whoever wanted another site sees that by the name in
    /// it, and is told 421 if they ask all the same.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let board = self.now.borrow();
        let is_challenge = hello.alpn().is_some_and(|mut offered| {
            let first = offered.next();
            first == Some(CHALLENGE_PROTOCOL) && offered.next().is_none()
        });
        if is_challenge {
            return board.proof.clone();
        }
        board.pair.as_ref().map(|pair| Arc::clone(&pair.certified))
    }
}
