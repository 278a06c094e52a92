//! Reads the site and makes its exports: what `reviewd export` carries away.

use std::{
    io::{BufWriter, Write},
    path::Path,
    sync::Arc,
};

use serde_json::Value;

use super::{Web, WebError, route::Scope};
use crate::{
    domain::{
        Card, Genre, Published, Reviewer,
        ledger::Standing,
        message::{Audience, Message},
        picture::Size,
    },
    export::{Account, Attached, ExportError, Exported, Exporter, Form, Table, Wish, scratch_file, write_account},
    fediverse::{activity, actor, answer, note::Speaker},
    feed::{self, Addresses, Subscription},
    publish::Library,
};

#[async_trait::async_trait]
impl Exporter for Web {
    async fn export(&self, wish: &Wish, scratch: &Path) -> Result<Exported, ExportError> {
        let library = self.publisher.library();
        let reviewer = match &wish.reviewer {
            Some(handle) => Some(self.reviewer(handle).ok_or_else(|| ExportError::NoReviewer(handle.clone()))?),
            None => None,
        };
        let cards = reviewer.map_or(library.cards(), |one| library.of_reviewer(&one.handle));
        if cards.is_empty() {
            return Err(ExportError::Nothing);
        }
        if wish.form == Form::Site && reviewer.is_some() {
            return Err(ExportError::WholeSite);
        }
        let file = scratch_file(scratch)?;
        let into = || file.reopen();
        match wish.form {
            Form::Csv => self.table(cards, into()?).await?,
            Form::Jsonfeed => into()?.write_all(self.whole_feed(reviewer, cards, &library).await?.as_bytes())?,
            Form::Opml => into()?.write_all(self.subscriptions(reviewer).as_bytes())?,
            Form::ActivitypubArchive => self.account(reviewer, into()?, &library).await?,
            Form::Site => self.copy_into(into()?, scratch).await?,
        }
        Ok(Exported { reviews: cards.len() as u64, file })
    }
}

impl Web {
    /// The oldest first, as people read.
    async fn table(&self, cards: &[Arc<Card>], into: std::fs::File) -> Result<(), ExportError> {
        let mut table = Table::new(BufWriter::new(into))?;
        for card in cards.iter().rev() {
            if let Some(published) = self.whole(card).await? {
                table.put(&published, &self.site.origin)?;
            }
        }
        Ok(table.finish()?)
    }

    /// Every review whole, however feeds are cut otherwise.
    async fn whole_feed(
        &self,
        reviewer: Option<&Reviewer>,
        cards: &[Arc<Card>],
        library: &Library,
    ) -> Result<String, ExportError> {
        let scope = reviewer.map_or(Scope::Everything, |one| Scope::Reviewer(one.handle.clone()));
        let Some(selection) = self.feed_scope(&scope, library) else { return Err(ExportError::Nothing) };
        let mut feed = self.feed_frame(&selection);
        for card in cards {
            if let (Some(published), Some(author)) = (self.whole(card).await?, self.reviewer(&card.reviewer)) {
                feed.entries.push(feed::Entry::new(&published, author, &self.site));
            }
        }
        feed.updated = feed::newest_change(&feed.entries, self.founded);
        Ok(feed.write(feed::Dialect::Json))
    }

    fn subscriptions(&self, reviewer: Option<&Reviewer>) -> String {
        let subscription = |title: String, home: String, path: &str| Subscription {
            title,
            address: Addresses::under(&self.site.origin.at(path)),
            home,
            language: self.site.language.clone(),
        };
        let own = |one: &Reviewer| {
            let title = format!("{} · {}", one.name, self.site.title);
            subscription(title, self.site.origin.profile(&one.handle), &format!("/@{}", one.handle))
        };
        let list: Vec<Subscription> = match reviewer {
            Some(reviewer) => vec![own(reviewer)],
            None => {
                let whole = subscription(self.site.title.clone(), self.site.origin.home(), "");
                [whole].into_iter().chain(self.reviewers.iter().map(own)).collect()
            }
        };
        feed::opml(&self.site.title, &list)
    }

    /// The account with every activity under the id that other servers know it by.
    async fn account(
        &self,
        reviewer: Option<&Reviewer>,
        into: std::fs::File,
        library: &Library,
    ) -> Result<(), ExportError> {
        let reviewer = match (reviewer, self.reviewers.as_slice()) {
            (Some(reviewer), _) | (None, [reviewer]) => reviewer,
            (None, several) => {
                let names: Vec<_> = several.iter().map(|one| one.handle.to_string()).collect();
                return Err(ExportError::WhichReviewer(names.join(", ")));
            }
        };
        let speaker = Speaker { site: &self.site, reviewer };
        let mut said = Vec::new();
        for card in library.of_reviewer(&reviewer.handle) {
            if let Some(published) = self.whole(card).await? {
                said.push((published.published, activity::create(&published, &speaker, Audience::Everyone)));
            }
        }
        for entry in self.store.ledger(&reviewer.handle).await? {
            if entry.genre == Genre::Answer
                && entry.standing == Standing::Live
                && let Some(published) = self.store.answer(&reviewer.handle, &entry.id).await?
            {
                said.push((published.published, answer::create(&published, &speaker)));
            }
        }
        said.sort_by(|(one, a), (other, b)| (one, &a.id).cmp(&(other, &b.id)));
        let outbox: Vec<Value> = said.iter().filter_map(|(_, message)| document(message)).collect();
        let account = Account {
            attached: self.attached(&outbox).await?,
            avatar: match &reviewer.avatar {
                Some(avatar) => self.picture(&self.site.origin.media(avatar, Size::Full)).await?,
                None => None,
            },
            actor: self.actor_document(reviewer).await?,
            outbox,
            at: u64::try_from(said.last().map_or(self.founded, |(at, _)| *at).as_second()).unwrap_or(0),
        };
        let writing = tokio::task::spawn_blocking(move || write_account(account, BufWriter::new(into)));
        Ok(writing.await.map_err(|error| ExportError::Stopped(error.to_string()))??)
    }

    async fn actor_document(&self, reviewer: &Reviewer) -> Result<Value, ExportError> {
        let moved_to = self.store.moved_to(&reviewer.handle).await?;
        Ok(actor::person(&self.site, reviewer, &self.standing(reviewer, moved_to.as_deref())))
    }

    /// The pictures of ours that activities attach.
    async fn attached(&self, outbox: &[Value]) -> Result<Vec<Attached>, ExportError> {
        let mut attached: Vec<Attached> = Vec::new();
        for activity in outbox {
            let attachments = activity.pointer("/object/attachment").and_then(Value::as_array);
            for url in attachments.into_iter().flatten() {
                let Some(url) = url["url"].as_str() else { continue };
                if attached.iter().all(|known| known.url != url) {
                    attached.extend(self.picture(url).await?);
                }
            }
        }
        Ok(attached)
    }

    /// The picture behind an address of ours.
    async fn picture(&self, url: &str) -> Result<Option<Attached>, ExportError> {
        let Some(name) = url.strip_prefix(&self.site.origin.at("/media/")) else { return Ok(None) };
        let key = name.rsplit_once('.').map_or(name, |(key, _)| key);
        let found = self.store.picture_bytes(key, Size::Full).await?;
        Ok(found.map(|(_, bytes)| Attached { url: url.to_owned(), name: name.to_owned(), bytes }))
    }

    async fn whole(&self, card: &Card) -> Result<Option<Published>, ExportError> {
        Ok(self.store.published(&card.reviewer, &card.id).await?)
    }
}

fn document(message: &Message) -> Option<Value> {
    serde_json::from_slice(&message.body).ok()
}

impl From<WebError> for ExportError {
    fn from(error: WebError) -> Self {
        match error {
            WebError::Store(error) => Self::Store(error),
            error => Self::Stopped(error.to_string()),
        }
    }
}
