//! Likes and boosts that came together: what has to be known of them is asked once, and then each is judged without asking
//! anybody.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::MutexGuard;

use super::{Conversation, limits, reactions};
use crate::{
    domain::{Handle, Reaction, ReactionKind, ReviewId, Visibility},
    fediverse::{
        inbox::{Activity, Event},
        json::authority,
        peers::PeerProblem,
    },
    store::StoreError,
};

/// A like or a boost, in its sender's words.
#[derive(Debug, Clone)]
pub(in crate::fediverse) struct Said<'a> {
    kind: ReactionKind,
    id: Option<&'a str>,
    actor: &'a str,
    host: String,
    object: &'a str,
    emoji: Option<&'a str>,
}

/// How long counts are believed: they are limits against floods, and walking through all there is for every few likes would
/// be a flood of our own.
const COUNTED_FOR: Duration = Duration::from_secs(1);

/// Reactions counted in the last moment, with those added since.
#[derive(Debug, Default)]
pub(in crate::fediverse) struct Counted {
    at: Duration,
    of_host: HashMap<String, u64>,
    of_review: HashMap<(Handle, ReviewId), u64>,
}

/// What has to be known before reactions are judged, and counts that grow with each that is kept.
pub(in crate::fediverse) struct Known {
    now: Timestamp,
    /// Where each object stands; those that are not ours are left out.
    places: HashMap<String, (Handle, ReviewId)>,
    /// Taken back before they came.
    gone: HashSet<String>,
    of_host: HashMap<String, u64>,
    of_review: HashMap<(Handle, ReviewId), u64>,
}

impl<'a> Said<'a> {
    /// `None` where the activity is something else.
    pub(in crate::fediverse) fn read(activity: &'a Activity, actor: &'a str) -> Option<Self> {
        let (kind, object, emoji) = match &activity.event {
            Event::Liked { object, emoji } => (ReactionKind::Like, object, emoji.as_deref()),
            // Those for some people only are passed over one by one.
            Event::Boosted { object, visibility } if *visibility != Visibility::Private => {
                (ReactionKind::Boost, object, None)
            }
            _ => return None,
        };
        let host = authority(actor).unwrap_or_default();
        Some(Self { kind, id: activity.id.as_deref(), actor, host, object, emoji })
    }
}

impl Conversation {
    /// To be held from counting what there is until what was admitted is written.
    pub(in crate::fediverse) async fn counting(&self) -> MutexGuard<'_, Counted> {
        let mut counted = self.counting.lock().await;
        if self.clock.elapsed().saturating_sub(counted.at) >= COUNTED_FOR {
            *counted = Counted { at: self.clock.elapsed(), ..Counted::default() };
        }
        counted
    }

    /// Asks what has to be known of these.
    pub(in crate::fediverse) async fn known(
        &self,
        said: &[Said<'_>],
        counted: &mut Counted,
    ) -> Result<Known, PeerProblem> {
        let mut places = HashMap::new();
        for object in said.iter().map(|one| one.object).collect::<BTreeSet<_>>() {
            if let Some(under) = self.ours(object).await? {
                places.insert(object.to_owned(), under);
            }
        }
        let ids: BTreeSet<&str> = said.iter().filter_map(|one| one.id).collect();
        let gone = self.store.gone_among(&Vec::from_iter(ids)).await?;
        let hosts = Vec::from_iter(said.iter().map(|one| one.host.as_str()).collect::<BTreeSet<_>>());
        self.ask_counts(counted, &hosts, &Vec::from_iter(places.values())).await?;
        let of_host = hosts.iter().map(|host| ((*host).to_owned(), counted.of_host(host))).collect();
        let of_review = places.values().map(|under| (under.clone(), counted.of_review(under))).collect();
        Ok(Known { now: self.now(), places, gone, of_host, of_review })
    }

    /// Counts what was not counted in the last moment.
    pub(super) async fn ask_counts(
        &self,
        counted: &mut Counted,
        hosts: &[&str],
        places: &[&(Handle, ReviewId)],
    ) -> Result<(), StoreError> {
        let new: Vec<&str> = hosts.iter().copied().filter(|host| !counted.of_host.contains_key(*host)).collect();
        if !new.is_empty() {
            let found = self.store.reactions_of_hosts(&new, self.now()).await?;
            counted.of_host.extend(new.iter().map(|host| ((*host).to_owned(), found.get(*host).copied().unwrap_or(0))));
        }
        for place in places {
            if !counted.of_review.contains_key(*place) {
                counted.of_review.insert((*place).clone(), self.store.reactions_under(place).await?);
            }
        }
        Ok(())
    }
}

impl Counted {
    /// What was admitted is written.
    pub(in crate::fediverse) fn note(&mut self, known: Known) {
        self.of_host.extend(known.of_host);
        self.of_review.extend(known.of_review);
    }

    fn of_host(&self, host: &str) -> u64 {
        self.of_host.get(host).copied().unwrap_or(0)
    }

    fn of_review(&self, place: &(Handle, ReviewId)) -> u64 {
        self.of_review.get(place).copied().unwrap_or(0)
    }

    /// Whether there is room for one more, which is counted then.
    pub(super) fn admit(&mut self, host: &str, place: &(Handle, ReviewId)) -> bool {
        if !limits::admits_reaction(self.of_host(host), self.of_review(place)) {
            return false;
        }
        *self.of_host.entry(host.to_owned()).or_default() += 1;
        *self.of_review.entry(place.clone()).or_default() += 1;
        true
    }
}

impl Known {
    /// The reaction that is to be kept, if any, with what becomes of it in words. `None`: it is not that simple.
    pub(in crate::fediverse) fn judge(&mut self, said: &Said<'_>) -> Option<(Option<Reaction>, String)> {
        let kind = said.kind;
        let Some(under) = self.places.get(said.object) else {
            // A boost of somebody else's post may lead to a reply that never reached us.
            return (kind == ReactionKind::Like).then(|| (None, "likes nothing of ours".to_owned()));
        };
        if said.id.is_some_and(|id| self.gone.contains(id)) {
            return Some((None, "was taken back before it came".to_owned()));
        }
        let of_host = self.of_host.entry(said.host.clone()).or_default();
        let of_review = self.of_review.entry(under.clone()).or_default();
        if !limits::admits_reaction(*of_host, *of_review) {
            return Some((None, "is one reaction too many".to_owned()));
        }
        *of_host += 1;
        *of_review += 1;
        let reaction = Reaction {
            id: said.id.map(str::to_owned),
            kind,
            object: said.object.to_owned(),
            under: under.clone(),
            actor: said.actor.to_owned(),
            emoji: reactions::emoji(said.emoji),
            page: None,
            at: self.now,
        };
        Some((Some(reaction), format!("is a {} of {}", kind.as_str(), said.object)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "https://books.example/users/ana/reviews/dune-2026";

    fn under() -> (Handle, ReviewId) {
        (Handle::parse("ana").unwrap(), ReviewId::parse("dune-2026").unwrap())
    }

    fn known() -> Known {
        Known {
            now: Timestamp::UNIX_EPOCH,
            places: HashMap::from([(NOTE.to_owned(), under())]),
            gone: HashSet::from(["https://m.example/likes/gone".to_owned()]),
            of_host: HashMap::new(),
            of_review: HashMap::new(),
        }
    }

    fn said(kind: ReactionKind, object: &'static str, id: &'static str) -> Said<'static> {
        Said {
            kind,
            id: Some(id),
            actor: "https://m.example/users/bob",
            host: "m.example".into(),
            object,
            emoji: Some(" ❤️ "),
        }
    }

    #[test]
    fn what_is_about_ours_is_kept_and_counted() {
        let mut known = known();
        let (kept, outcome) = known.judge(&said(ReactionKind::Like, NOTE, "https://m.example/likes/1")).unwrap();
        let kept = kept.unwrap();
        assert_eq!((kept.object.as_str(), kept.emoji.as_deref(), kept.under), (NOTE, Some("❤️"), under()));
        assert_eq!(outcome, format!("is a like of {NOTE}"));
        assert_eq!((known.of_host["m.example"], known.of_review[&under()]), (1, 1));
        let (kept, _) = known.judge(&said(ReactionKind::Like, NOTE, "https://m.example/likes/gone")).unwrap();
        assert_eq!(kept, None, "it was taken back before it came");
        let elsewhere = "https://n.example/notes/1";
        assert_eq!(known.judge(&said(ReactionKind::Like, elsewhere, "https://m.example/likes/2")).unwrap().0, None);
        let boost = said(ReactionKind::Boost, elsewhere, "https://m.example/boosts/1");
        assert!(known.judge(&boost).is_none(), "it may lead to a reply");
        assert_eq!(known.of_host["m.example"], 1);
    }

    #[test]
    fn a_flood_ends_within_the_batch_that_reaches_the_limit() {
        let mut known = known();
        known.of_host.insert("m.example".to_owned(), 4_998);
        let kept: Vec<bool> = (0..4)
            .map(|_| known.judge(&said(ReactionKind::Boost, NOTE, "https://m.example/boosts/1")).unwrap().0.is_some())
            .collect();
        assert_eq!(kept, [true, true, false, false]);
    }
}
