//! The sender of activitypub_federation, which programs written with that crate use: the same activity to the same inboxes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use activitypub_federation::activity_sending::SendActivityTask;
use activitypub_federation::config::{Data, FederationConfig};
use activitypub_federation::error::Error;
use activitypub_federation::traits::{Activity, Actor, Object};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use url::Url;

/// Somebody who signs.
#[derive(Debug)]
struct Author {
    id: Url,
    private_pem: String,
    public_pem: String,
}

/// Something that is sent as it stands.
#[derive(Debug, Serialize)]
struct News {
    id: Url,
    actor: Url,
    #[serde(flatten)]
    rest: Value,
}

/// Sends an activity of about `bytes` to every inbox, so many at a time. How long that took.
pub async fn fan_out(
    inboxes: Vec<Url>,
    [private_pem, public_pem]: [String; 2],
    bytes: usize,
    together: usize,
) -> Duration {
    let count = inboxes.len();
    let config = FederationConfig::builder().domain("localhost").app_data(()).debug(true).build().await.unwrap();
    let data = config.to_request_data();
    let id: Url = "http://localhost/users/ana".parse().unwrap();
    let author = Author { id: id.clone(), private_pem, public_pem };
    let object = serde_json::json!({ "type": "Create", "object": { "type": "Note", "content": "a".repeat(bytes) } });
    let news = News { id: "http://localhost/activities/1".parse().unwrap(), actor: id, rest: object };
    let began = Instant::now();
    let tasks = SendActivityTask::prepare(&news, &author, inboxes, &data).await.unwrap();
    assert_eq!(tasks.len(), count);
    let (permits, mut under_way) = (Arc::new(Semaphore::new(together)), JoinSet::new());
    for task in tasks {
        let permit = Arc::clone(&permits).acquire_owned().await.unwrap();
        let data = config.to_request_data();
        under_way.spawn(async move {
            task.sign_and_send(&data).await.unwrap();
            drop(permit);
        });
    }
    under_way.join_all().await;
    began.elapsed()
}

#[async_trait::async_trait]
impl Object for Author {
    type DataType = ();
    type Kind = Value;
    type Error = Error;

    fn id(&self) -> &Url {
        &self.id
    }

    async fn read_from_id(_: Url, _: &Data<()>) -> Result<Option<Self>, Error> {
        Ok(None)
    }

    async fn into_json(self, _: &Data<()>) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    async fn verify(_: &Value, _: &Url, _: &Data<()>) -> Result<(), Error> {
        Err(Error::NotFound)
    }

    async fn from_json(_: Value, _: &Data<()>) -> Result<Self, Error> {
        Err(Error::NotFound)
    }
}

impl Actor for Author {
    fn public_key_pem(&self) -> &str {
        &self.public_pem
    }

    fn private_key_pem(&self) -> Option<String> {
        Some(self.private_pem.clone())
    }

    fn inbox(&self) -> Url {
        self.id.clone()
    }
}

#[async_trait::async_trait]
impl Activity for News {
    type DataType = ();
    type Error = Error;

    fn id(&self) -> &Url {
        &self.id
    }

    fn actor(&self) -> &Url {
        &self.actor
    }

    async fn verify(&self, _: &Data<()>) -> Result<(), Error> {
        Ok(())
    }

    async fn receive(self, _: &Data<()>) -> Result<(), Error> {
        Ok(())
    }
}
