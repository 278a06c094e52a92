//! What others say to us, read into a closed list of events. Pure: nothing is fetched and nothing believed that the
//! sender could not know better than anybody else.
//!
//! The rule behind all checks: a server speaks for its own host. An activity is taken at its word only about things whose
//! address lies on the actor's host; everything else is an address to be fetched from where it lives (FEDERATION 8.1, 8.5).

mod post;

pub use post::{Post, Visibility};

use serde_json::Value;

use super::{
    activity::QuoteRequest,
    json::{self, address_of, addresses, authority, kind_of, text_of, within_limits},
};

/// Longest report kept, in characters (Mastodon's own limit is 5,000).
const REPORT_CHARS_MAX: usize = 5_000;
/// Longest emoji of a reaction, in characters: `:a_custom_name:` or one grapheme with its modifiers.
const EMOJI_CHARS_MAX: usize = 64;
/// Types of a post: what may answer or quote a review.
const POSTS: [&str; 14] = [
    "Note",
    "Article",
    "Page",
    "Question",
    "Review",
    "Comment",
    "Quotation",
    "Rating",
    "GeneratedNote",
    "Video",
    "Audio",
    "Image",
    "Event",
    "Document",
];
/// Types of an actor.
pub(super) const ACTORS: [&str; 5] = ["Person", "Service", "Application", "Group", "Organization"];

/// An activity as it came, with what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Unique and on the actor's host; `None` where the sender gave none, which some do for likes.
    pub id: Option<String>,
    /// Who says it. Whether the signature is this actor's is not known here.
    pub actor: String,
    pub event: Event,
}

/// What happened, in the sender's words.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Follows the actor `object`.
    Followed {
        object: String,
    },
    /// Takes back a follow, by what was followed or by the Follow's id; at least one is there.
    Unfollowed {
        object: Option<String>,
        follow: Option<String>,
    },
    /// Published a post.
    Posted(Told),
    /// Changed a post.
    Edited(Told),
    /// Removed a post.
    Deleted {
        object: String,
    },
    /// Closed the account.
    AccountDeleted,
    /// Changed name, picture, key or inbox: the actor is to be fetched anew.
    ProfileChanged,
    /// Likes a post, or reacts to it with an emoji.
    Liked {
        object: String,
        emoji: Option<String>,
    },
    Unliked {
        object: Option<String>,
        like: Option<String>,
    },
    /// Boosts a post, for those who may see the boost.
    Boosted {
        object: String,
        visibility: Visibility,
    },
    Unboosted {
        object: Option<String>,
        boost: Option<String>,
    },
    /// Takes something back that is named by its id alone.
    TookBack {
        id: String,
    },
    Blocked {
        object: String,
    },
    Unblocked {
        object: Option<String>,
        block: Option<String>,
    },
    /// Reports posts or actors.
    Reported {
        objects: Vec<String>,
        words: String,
    },
    /// Lives at another address from now on; to be believed only if the target names the actor in `alsoKnownAs`.
    Moved {
        target: String,
    },
    /// Accepts a follow of ours, by its id.
    Accepted {
        object: String,
    },
    Rejected {
        object: String,
    },
    /// Asks to quote one of our posts; with the quoting post in its own words where the request carries them.
    AskedToQuote {
        request: QuoteRequest,
        quoting: Told,
    },
    /// Answered with 202 like the rest.
    Ignored(Ignored),
}

/// A post, in the activity's own words or to be fetched from where it lives.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Whole(Box<Post>),
    At(String),
}

/// Why an activity changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// A document that says nothing by itself: no actor, or no activity's type.
    NoActivity,
    /// A type that means nothing to a publisher of reviews.
    Type,
    /// Nothing in it names what it is about.
    NoObject,
    /// Speaks about something that belongs to another host or actor.
    NotTheirs,
    /// A vote in a poll.
    Vote,
    /// An activity wrapped in a group's Announce.
    Wrapped,
}

/// Why a body cannot be read; answered with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the body is not a JSON object")]
    NotJson,
    #[error("the body is nested too deeply or holds too long a list")]
    TooMuch,
}

/// Reads an activity.
pub fn read(body: &[u8]) -> Result<Activity, Unreadable> {
    let document: Value = json::read(body).map_err(|_| Unreadable::NotJson)?;
    if !document.is_object() {
        return Err(Unreadable::NotJson);
    }
    if !within_limits(&document) {
        return Err(Unreadable::TooMuch);
    }
    Ok(activity(&document))
}

/// Reads a post that was fetched from its own address.
pub fn read_post(document: &Value) -> Option<Post> {
    POSTS.contains(&kind_of(document)?).then(|| Post::read(document)).flatten()
}

/// Whether two addresses lie on the same host; the port belongs to the host.
pub fn same_host(one: &str, other: &str) -> bool {
    matches!((authority(one), authority(other)), (Some(one), Some(other)) if one == other)
}

fn activity(document: &Value) -> Activity {
    let id = address_of(&document["id"]);
    let ignored = |actor: Option<String>, why| Activity {
        id: None,
        actor: actor.unwrap_or_default(),
        event: Event::Ignored(why),
    };
    let (Some(actor), Some(kind)) = (address_of(&document["actor"]), kind_of(document)) else {
        return ignored(None, Ignored::NoActivity);
    };
    if id.as_deref().is_some_and(|id| !same_host(id, &actor)) {
        return ignored(Some(actor), Ignored::NotTheirs);
    }
    let event = event(document, kind, id.as_deref(), &actor).unwrap_or_else(Event::Ignored);
    Activity { id, actor, event }
}

fn event(document: &Value, kind: &str, id: Option<&str>, actor: &str) -> Result<Event, Ignored> {
    let object = &document["object"];
    let about = || address_of(object).ok_or(Ignored::NoObject);
    Ok(match kind {
        // Without an id the Accept could name nothing.
        "Follow" if id.is_none() => return Err(Ignored::NoObject),
        "Follow" => Event::Followed { object: about()? },
        "Create" => Event::Posted(told(document, object, actor)?),
        "Update" if is_kind(object, &ACTORS) || about()? == actor => {
            if about()? == actor {
                Event::ProfileChanged
            } else {
                return Err(Ignored::NotTheirs);
            }
        }
        "Update" => Event::Edited(told(document, object, actor)?),
        "Delete" => match about()? {
            object if object == actor => Event::AccountDeleted,
            object if same_host(&object, actor) => Event::Deleted { object },
            _ => return Err(Ignored::NotTheirs),
        },
        "Like" | "EmojiReact" => Event::Liked { object: about()?, emoji: emoji(document) },
        "Announce" => match kind_of(object) {
            Some(inner) if !POSTS.contains(&inner) && !object["object"].is_null() => return Err(Ignored::Wrapped),
            Some(_) | None => Event::Boosted { object: about()?, visibility: boost_visibility(document) },
        },
        "Undo" => taken_back(object, actor)?,
        "Block" => Event::Blocked { object: about()? },
        "Flag" => Event::Reported {
            objects: addresses(object),
            words: text_of(&document["content"]).unwrap_or_default().chars().take(REPORT_CHARS_MAX).collect(),
        },
        "Move" if address_of(object).is_none_or(|object| object == actor) => {
            Event::Moved { target: address_of(&document["target"]).ok_or(Ignored::NoObject)? }
        }
        "Move" => return Err(Ignored::NotTheirs),
        "Accept" => Event::Accepted { object: about()? },
        "Reject" => Event::Rejected { object: about()? },
        "QuoteRequest" => Event::AskedToQuote {
            request: QuoteRequest {
                id: id.ok_or(Ignored::NoObject)?.to_owned(),
                actor: actor.to_owned(),
                object: about()?,
                instrument: address_of(&document["instrument"]).ok_or(Ignored::NoObject)?,
            },
            quoting: quoting(document, actor)?,
        },
        _ => return Err(Ignored::Type),
    })
}

/// A post in a request that does not say whom it is for is looked at where it lives.
fn quoting(request: &Value, actor: &str) -> Result<Told, Ignored> {
    Ok(match told(request, &request["instrument"], actor)? {
        Told::Whole(post) if post.audience.is_empty() => Told::At(post.id),
        told => told,
    })
}

/// A boost that is addressed to nobody is as open as a like, which never is; one for followers only (Mastodon) is theirs.
fn boost_visibility(announce: &Value) -> Visibility {
    match post::audience_of(announce).is_empty() && announce["to"].is_null() && announce["cc"].is_null() {
        true => Visibility::Public,
        false => post::visibility_of(announce),
    }
}

/// A post is taken from the activity only where its id and author are the actor's; otherwise it is fetched.
fn told(activity: &Value, object: &Value, actor: &str) -> Result<Told, Ignored> {
    // GoToSocial sends several votes at once.
    if object.as_array().is_some_and(|votes| votes.len() > 1) {
        return Err(Ignored::Vote);
    }
    let object = object.as_array().and_then(|list| list.first()).unwrap_or(object);
    let id = address_of(object).ok_or(Ignored::NoObject)?;
    let Some(kind) = kind_of(object) else { return Ok(Told::At(id)) };
    if !POSTS.contains(&kind) {
        return Err(Ignored::Type);
    }
    if !same_host(&id, actor) {
        return Ok(Told::At(id));
    }
    let mut post = Post::read(object).ok_or(Ignored::NoObject)?;
    if post.author != actor {
        return Err(Ignored::NotTheirs);
    }
    if post.is_vote {
        return Err(Ignored::Vote);
    }
    // A post without addresses of its own is as public as the activity that carries it.
    if object["to"].is_null() && object["cc"].is_null() {
        post.visibility = post::visibility_of(activity);
        post.audience = post::audience_of(activity);
    }
    Ok(Told::Whole(Box::new(post)))
}

fn taken_back(object: &Value, actor: &str) -> Result<Event, Ignored> {
    let id = address_of(object);
    // A bare id, as Pleroma and Akkoma send it: only who stored the thing knows what it was.
    let Some(kind) = kind_of(object) else {
        return id.map(|id| Event::TookBack { id }).ok_or(Ignored::NoObject);
    };
    if address_of(&object["actor"]).is_some_and(|inner| inner != actor) {
        return Err(Ignored::NotTheirs);
    }
    let about = address_of(&object["object"]);
    if about.is_none() && id.is_none() {
        return Err(Ignored::NoObject);
    }
    match kind {
        "Follow" => Ok(Event::Unfollowed { object: about, follow: id }),
        "Like" | "EmojiReact" => Ok(Event::Unliked { object: about, like: id }),
        "Announce" => Ok(Event::Unboosted { object: about, boost: id }),
        "Block" => Ok(Event::Unblocked { object: about, block: id }),
        _ => Err(Ignored::Type),
    }
}

/// Misskey and Mitra put an emoji into a Like, Pleroma and Akkoma into an EmojiReact (FEP-c0e0).
fn emoji(document: &Value) -> Option<String> {
    let text = text_of(&document["content"]).or_else(|| text_of(&document["_misskey_reaction"]))?;
    let text = text.trim();
    (!text.is_empty() && text.chars().count() <= EMOJI_CHARS_MAX).then(|| text.to_owned())
}

fn is_kind(document: &Value, kinds: &[&str]) -> bool {
    kind_of(document).is_some_and(|kind| kinds.contains(&kind))
}

#[cfg(test)]
mod tests;
