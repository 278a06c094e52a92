//! Duties: what exactly one node does at a time. The server's advisory locks hold them, so that a node that dies gives them
//! back the moment its connection breaks.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use crate::{
    clock::Clock,
    store::{Store, StoreError},
};

/// Between two tries to take a duty that another node has, and between two looks whether it is still ours.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// How long the server waits for a duty that another node has.
#[cfg(feature = "postgres")]
const PATIENCE: &str = "SET lock_timeout = '500ms'";
/// The SQLSTATE of its giving up.
#[cfg(feature = "postgres")]
const TIMED_OUT: &str = "55P03";

/// What exactly one node does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Watches the folders and decides what is published.
    Folder,
    /// Works through what came in.
    Inbox,
}

impl Duty {
    /// The key of its lock: numbers of our own, within the database.
    #[cfg(feature = "postgres")]
    fn key(self) -> i64 {
        match self {
            Self::Folder => 7_247_390_129_842_611,
            Self::Inbox => 7_247_390_129_842_612,
        }
    }

    /// As in "this node …".
    fn words(self) -> &'static str {
        match self {
            Self::Folder => "watches the folders",
            Self::Inbox => "works through the inbox",
        }
    }
}

/// Whether this node has a duty. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OnDuty {
    turns: watch::Receiver<Option<Turn>>,
    stop: CancellationToken,
}

/// One turn on duty. The next node's begins when every holder has let go of it.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Cancelled when the turn ends: at the stop, or because the server was lost.
    pub over: CancellationToken,
    _work: TaskTrackerToken,
}

/// Takes a duty whenever it is free.
pub struct TurnTaker {
    store: Store,
    duty: Duty,
    clock: Clock,
    stop: CancellationToken,
    turns: watch::Sender<Option<Turn>>,
    /// What was taken already.
    first: Option<Service>,
}

/// A turn from the side of who took it.
struct Service {
    hold: Hold,
    over: CancellationToken,
    work: TaskTracker,
}

/// A duty that was taken, until it is dropped.
pub struct Hold {
    #[cfg(feature = "postgres")]
    connection: Option<sqlx::PgConnection>,
}

impl OnDuty {
    /// Whether it is this node's turn.
    pub fn is_ours(&self) -> bool {
        self.current().is_some()
    }

    /// The turn that goes on now.
    pub fn current(&self) -> Option<Turn> {
        self.turns.borrow().clone().filter(|turn| !turn.over.is_cancelled())
    }

    /// Waits for a turn; `None` when told to stop.
    pub async fn begin(&mut self) -> Option<Turn> {
        loop {
            if self.stop.is_cancelled() {
                return None;
            }
            if let Some(turn) = self.current() {
                return Some(turn);
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                changed = self.turns.changed() => if changed.is_err() {
                    // Nobody takes the duty for this node.
                    self.stop.cancelled().await;
                },
            }
        }
    }
}

impl Store {
    /// A duty, and who takes it for this node. It is this node's at once where nobody else has it and it is `wanted`, or where
    /// there can be nobody else.
    pub async fn duty(
        &self,
        duty: Duty,
        clock: Clock,
        stop: CancellationToken,
        wanted: bool,
    ) -> Result<(OnDuty, TurnTaker), StoreError> {
        let first = if wanted || !self.is_shared() {
            self.take(duty).await?.map(|hold| Service::begin(hold, &stop))
        } else {
            None
        };
        let (turns, receiver) = watch::channel(first.as_ref().map(Service::turn));
        let taker = TurnTaker { store: self.clone(), duty, clock, stop: stop.clone(), turns, first };
        Ok((OnDuty { turns: receiver, stop }, taker))
    }

    /// Takes a duty if no other node has it.
    #[cfg(feature = "postgres")]
    async fn take(&self, duty: Duty) -> Result<Option<Hold>, StoreError> {
        use sqlx::Connection;

        use crate::store::doing;

        let Some(mut connection) = self.connection_apart().await? else { return Ok(Some(Hold { connection: None })) };
        if !self.is_of_this_version().await? {
            return Ok(None);
        }
        // The server waits for a moment: whoever had it may be dying just now.
        sqlx::query(PATIENCE).execute(&mut connection).await.map_err(doing("take a duty"))?;
        match sqlx::query("SELECT pg_advisory_lock($1)").bind(duty.key()).execute(&mut connection).await {
            Ok(_) => {}
            Err(error) if error.as_database_error().is_some_and(|error| error.code().as_deref() == Some(TIMED_OUT)) => {
                // It would be closed anyway; this tells the server.
                let _ = connection.close().await;
                return Ok(None);
            }
            Err(error) => return Err(doing("take a duty")(error)),
        }
        if duty == Duty::Folder {
            self.decide_from_now_on().await?;
        }
        Ok(Some(Hold { connection: Some(connection) }))
    }

    /// A connection of its own: a lock lasts as long as it does. `None` where the store is a file.
    #[cfg(feature = "postgres")]
    pub(super) async fn connection_apart(&self) -> Result<Option<sqlx::PgConnection>, StoreError> {
        use sqlx::Connection;

        use crate::store::{doing, sql::Pool};

        let Pool::Postgres(pool) = &self.read else { return Ok(None) };
        let connection = sqlx::PgConnection::connect_with(&pool.connect_options()).await;
        connection.map(Some).map_err(doing("connect to the database for a lock"))
    }

    #[cfg(not(feature = "postgres"))]
    #[allow(clippy::unused_async, reason = "as with a server")]
    async fn take(&self, duty: Duty) -> Result<Option<Hold>, StoreError> {
        if duty == Duty::Folder {
            self.decide_from_now_on().await?;
        }
        Ok(Some(Hold {}))
    }

    /// Takes the duty of the folder for a command, which ends soon; a daemon on another node has it otherwise.
    ///
    /// # Errors
    /// Another node has it.
    pub async fn take_folder(&self) -> Result<Hold, StoreError> {
        self.take(Duty::Folder).await?.ok_or(StoreError::TakenOver)
    }
}

impl Service {
    fn begin(hold: Hold, stop: &CancellationToken) -> Self {
        Self { hold, over: stop.child_token(), work: TaskTracker::new() }
    }

    fn turn(&self) -> Turn {
        Turn { over: self.over.clone(), _work: self.work.token() }
    }
}

impl Hold {
    /// Tells the server, so that the next one need not wait until it notices.
    #[cfg(feature = "postgres")]
    async fn give_back(self) {
        use sqlx::Connection;
        if let Some(connection) = self.connection {
            // Where that fails the server is gone, and the lock with it.
            let _ = connection.close().await;
        }
    }

    #[cfg(not(feature = "postgres"))]
    #[allow(clippy::unused_async, reason = "as with a server")]
    async fn give_back(self) {}

    #[cfg(feature = "postgres")]
    pub(super) fn of(connection: sqlx::PgConnection) -> Self {
        Self { connection: Some(connection) }
    }

    /// Fails when the server knows nothing of it any more.
    #[cfg(feature = "postgres")]
    pub(super) async fn prove(&mut self) -> Result<(), StoreError> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        sqlx::query("SELECT 1").execute(connection).await.map(drop).map_err(crate::store::doing("keep a duty"))
    }

    #[cfg(not(feature = "postgres"))]
    #[allow(clippy::unused_async, reason = "as with a server")]
    pub(super) async fn prove(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl TurnTaker {
    /// Takes the duty whenever no other node has it, until told to stop.
    pub async fn run(mut self) {
        let mut ailing = false;
        if let Some(first) = self.first.take() {
            self.serve(first).await;
        }
        while !self.stop.is_cancelled() {
            match self.store.take(self.duty).await {
                Ok(Some(hold)) => {
                    ailing = false;
                    let service = Service::begin(hold, &self.stop);
                    self.turns.send_replace(Some(service.turn()));
                    self.serve(service).await;
                }
                Ok(None) => ailing = false,
                Err(error) => {
                    if !ailing {
                        tracing::warn!(%error, "whether another node {} is not known: {error}", self.duty.words());
                    }
                    ailing = true;
                }
            }
            self.pause().await;
        }
    }

    async fn serve(&self, service: Service) {
        let Service { mut hold, over, work } = service;
        let words = self.duty.words();
        if !self.store.is_shared() {
            // Nobody can take it away.
            return self.stop.cancelled().await;
        }
        tracing::info!("this node {words}");
        while !self.stop.is_cancelled() {
            self.pause().await;
            match self.is_still_ours(&mut hold).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!("a newer reviewd has upgraded the database: another node {words} from now on");
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "another node {words} from now on, or this one again: {error}");
                    break;
                }
            }
        }
        over.cancel();
        self.turns.send_replace(None);
        work.close();
        work.wait().await;
        hold.give_back().await;
    }

    async fn is_still_ours(&self, hold: &mut Hold) -> Result<bool, StoreError> {
        hold.prove().await?;
        self.store.is_of_this_version().await
    }

    async fn pause(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.clock.sleep(TRY_EVERY) => {}
        }
    }
}
