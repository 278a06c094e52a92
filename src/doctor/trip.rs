//! The whole way, once: the throw-away peer follows a reviewer, and gets an Accept, a Create, an Update and a Delete of a
//! review that exists for it alone. Signed by the real key, sent by the real sender, through the public origin both ways.
//!
//! What is left out of the real thing is the store: no row of a follower, an activity or a delivery is ever written.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{report::Check, visit::Visitor};
use crate::{
    domain::{
        Letter, Outcome, Published, ReviewId, Reviewer, Site, Slug, Spec,
        delivery::sha256,
        message::{Audience, Message},
    },
    fediverse::{
        activity::{self, Follow},
        context::ACTIVITYSTREAMS,
        inbox::Event,
        note::{Counts, Speaker},
        sender::{HttpSender, Sender as _},
        signature::PublicKey,
    },
    intake::parse::{self, Context, Reading, SourceFile},
};

/// As a person would write it.
const THROW_AWAY: &str = "---\ntitle: A throw-away review by reviewd doctor\nauthor: Nobody\n---\n\nIt was made to see \
                          whether reviews get through, and is deleted at once.\n";

/// The steps, in order.
pub const STEPS: [&str; 5] =
    ["round_trip_follow", "round_trip_accept", "round_trip_create", "round_trip_update", "round_trip_delete"];

/// Who is followed.
pub struct Followed<'a> {
    pub site: &'a Site,
    pub reviewer: &'a Reviewer,
    /// As the actor document showed them through the public origin.
    pub document: Value,
    pub key: PublicKey,
}

/// Makes the trip; a step that fails ends it, and the others are skipped.
pub async fn make(visitor: &Visitor, followed: &Followed<'_>, sender: &HttpSender) -> Vec<Check> {
    visitor.examination.trust(followed.key.clone());
    let mut checks = Vec::new();
    let follow = Follow {
        id: format!("{}#follow", visitor.examination.actor()),
        actor: visitor.examination.actor(),
        object: visitor.origin().actor(&followed.reviewer.handle),
    };
    let trip = Trip { visitor, followed, sender };
    let mut go_on = true;
    for (step, name) in STEPS.into_iter().enumerate() {
        let check = match (go_on, step) {
            (false, _) => Check::skipped(name, "the step before it failed"),
            (true, 0) => trip.follow(name, &follow).await,
            (true, step) => trip.receive(name, trip.message(step, &follow)).await,
        };
        go_on &= matches!(check.outcome, super::Outcome::Ok | super::Outcome::Warning);
        checks.push(check.about(format!("@{}", followed.reviewer.handle)));
    }
    checks
}

struct Trip<'a> {
    visitor: &'a Visitor,
    followed: &'a Followed<'a>,
    sender: &'a HttpSender,
}

impl Trip<'_> {
    /// The peer asks to follow, at the inbox that the actor document names.
    async fn follow(&self, name: &str, follow: &Follow) -> Check {
        let means = "nobody can follow the account";
        let cure = "see the checks above it, `signed_headers` first; the daemon's log says more at the level debug";
        let Some(inbox) = self.followed.document["inbox"].as_str() else {
            return Check::failed(name, "the actor document names no inbox", means, cure);
        };
        let document = json!({
            "@context": ACTIVITYSTREAMS, "id": follow.id, "type": "Follow", "actor": follow.actor, "object": follow.object,
        });
        let reply = match self.visitor.post(inbox, &document, Spec::Cavage).await {
            Ok((reply, _)) => reply,
            Err(problem) => return Check::failed(name, format!("{inbox}: {problem}"), means, cure),
        };
        let asked = |event: &Event| matches!(event, Event::Followed { object } if *object == follow.object);
        let taken = self.visitor.examination.knocks().iter().any(|knock| asked(&knock.event));
        if reply.seen.status == 202 && taken {
            Check::ok(name, format!("{inbox} took a signed Follow, after fetching its key"))
        } else {
            let why = self.visitor.examination.last_refusal().map(|why| format!(": {why}")).unwrap_or_default();
            Check::failed(
                name,
                format!("{inbox} answers with status {}{}{why}", reply.seen.status, reply.server()),
                means,
                cure,
            )
        }
    }

    /// The reviewer says something to the peer, which must get it, whole and well signed.
    async fn receive(&self, name: &str, message: Option<Message>) -> Check {
        let means = "followers do not get what is published";
        let cure = "see the checks above it; if they are fine, look at the daemon's log";
        let Some(message) = message else {
            return Check::failed(name, "the throw-away review could not be worded", means, cure);
        };
        let letter = Letter {
            reviewer: self.followed.reviewer.handle.clone(),
            activity: message.id.clone(),
            inbox: self.visitor.examination.inbox(),
            body: message.body.as_slice().into(),
            sha256: sha256(&message.body),
            spec: None,
        };
        let outcome = self.sender.send(&letter).await;
        let why = self.visitor.examination.last_refusal().map(|why| format!(" ({why})")).unwrap_or_default();
        let kind = message.kind.as_str();
        match outcome {
            Outcome::Delivered { spec } => {
                let came = self.visitor.examination.posts().iter().any(|post| post["id"] == message.id.as_str());
                match (came, spec) {
                    (false, _) => Check::failed(
                        name,
                        format!("the {kind} was answered with success, but did not arrive"),
                        means,
                        "somebody on the way answers POST requests in reviewd's place; pass them on",
                    ),
                    (true, None | Some(Spec::Cavage)) => {
                        Check::ok(name, format!("the peer got the {kind} and believes its signature"))
                    }
                    (true, Some(Spec::Rfc9421)) => Check::warning(
                        name,
                        format!("the {kind} was only believed at the second attempt{why}"),
                        "servers that know the older signature alone do not believe it",
                        "see the check `signed_headers`",
                    ),
                }
            }
            Outcome::Refused(status) => {
                Check::failed(name, format!("the {kind} was refused with {status}{why}"), means, cure)
            }
            Outcome::Failed { reason, .. } => {
                Check::failed(name, format!("the {kind} did not get there: {reason}{why}"), means, cure)
            }
        }
    }

    /// What is said at a step after the follow.
    fn message(&self, step: usize, follow: &Follow) -> Option<Message> {
        let (site, reviewer) = (self.followed.site, self.followed.reviewer);
        let clock = &self.visitor.examination.clock;
        let (number, now) = (clock.uuid().to_string(), clock.now_in_seconds());
        let speaker = Speaker { site, reviewer };
        let mut review = self.throw_away()?;
        match step {
            1 => Some(activity::accept(&site.origin, &reviewer.handle, follow, &number)),
            2 => Some(activity::create(&review, &speaker, Audience::Everyone)),
            3 => {
                review.updated = Some(now);
                Some(activity::update(&review, &speaker, &Counts::default(), Audience::Everyone))
            }
            _ => Some(activity::delete(&site.origin, &reviewer.handle, &review.id, now)),
        }
    }

    /// A review that is in no folder, no store and no feed; its id is the examination's own.
    fn throw_away(&self) -> Option<Published> {
        let examination = &self.visitor.examination;
        let id = format!("doctor-{}", examination.name());
        let file = SourceFile { path: "doctor.md", bytes: THROW_AWAY.as_bytes(), siblings: &[] };
        let reviewer = self.followed.reviewer;
        let context = Context {
            reviewer_name: &reviewer.name,
            reviewer_handle: reviewer.handle.as_str(),
            rating_scale: None,
            among_others: false,
        };
        let Reading::Review(review) = parse::parse(&file, &context).reading else { return None };
        Some(Published {
            reviewer: reviewer.handle.clone(),
            slug: Slug::from_text(&id),
            id: ReviewId::parse(&id)?,
            guid: format!("urn:uuid:{}", examination.clock.uuid()),
            published: examination.clock.now_in_seconds(),
            updated: None,
            review: *review,
            cover: None,
            pictures: BTreeMap::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_throw_away_review_is_a_review() {
        let file = SourceFile { path: "doctor.md", bytes: THROW_AWAY.as_bytes(), siblings: &[] };
        let (reviewer_name, reviewer_handle) = ("Ana", "ana");
        let context = Context { reviewer_name, reviewer_handle, rating_scale: None, among_others: false };
        let parsed = parse::parse(&file, &context);
        assert!(matches!(parsed.reading, Reading::Review(_)) && parsed.problems.is_empty(), "{parsed:?}");
    }
}
