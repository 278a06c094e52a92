//! The Notes by which reviewers answer, at their ids.

use axum::{
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    Web,
    fediverse::{LIVE, plain},
};
use crate::{
    domain::{Genre, Handle, PublishedAnswer, ReviewId, Visibility},
    fediverse::{answer, context::ACTIVITY_JSON, note::Speaker},
    site::Trouble,
    store::StoreError,
};

impl Web {
    /// The Note or its Create; a Tombstone with 410 after a deletion, and never otherwise. A private answer is in its
    /// Create only: 403 makes nobody delete it, as 404 would.
    pub(super) async fn answer(
        &self,
        method: &Method,
        headers: &HeaderMap,
        handle: &Handle,
        id: &ReviewId,
        activity: bool,
    ) -> Response {
        let Some(reviewer) = self.reviewer(handle) else { return plain(StatusCode::NOT_FOUND, "no such reviewer") };
        let published = match self.store.answer(handle, id).await {
            Ok(Some(published)) => published,
            Ok(None) => return self.tombstone(method, headers, Genre::Answer, handle, id).await,
            Err(error) => return self.broken(&error.into()),
        };
        if published.visibility() == Visibility::Private {
            return plain(StatusCode::FORBIDDEN, "this answer is for one person");
        }
        let speaker = Speaker { site: &self.site, reviewer };
        if activity {
            let create = answer::create(&published, &speaker);
            return self.send(method, headers, ACTIVITY_JSON, create.body, LIVE);
        }
        self.send_json(method, headers, ACTIVITY_JSON, &answer::note(&published, &speaker), LIVE)
    }

    /// A person who opens an answer's id is sent to its place under the review, or to the post it answers elsewhere.
    pub(super) async fn to_the_conversation(&self, handle: &Handle, id: &ReviewId) -> Response {
        let place = match self.store.answer(handle, id).await {
            Ok(Some(answer)) if answer.visibility() == Visibility::Private => Ok(None),
            Ok(Some(answer)) => self.place_of(&answer).await.map(Some),
            Ok(None) => match self.store.tombstone(Genre::Answer, handle, id).await {
                Ok(Some(_)) => return self.trouble(Trouble::Gone),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        match place {
            Ok(Some(place)) => {
                (StatusCode::FOUND, [(header::LOCATION, place), (header::VARY, "Accept".to_owned())]).into_response()
            }
            Ok(None) => self.trouble(Trouble::NotFound),
            Err(error) => self.broken(&error.into()),
        }
    }

    async fn place_of(&self, answer: &PublishedAnswer) -> Result<String, StoreError> {
        let Some((handle, review)) = &answer.target.under else { return Ok(answer.target.page.clone()) };
        let Some(published) = self.store.published(handle, review).await? else {
            return Ok(answer.target.page.clone());
        };
        let page = format!("/@{handle}/{}", published.slug);
        let note = self.site.origin.answer(&answer.reviewer, &answer.id);
        Ok(match self.store.reply(&note).await? {
            Some(kept) => format!("{page}?reply={0}#reply-{0}", kept.seq),
            None => page,
        })
    }
}
