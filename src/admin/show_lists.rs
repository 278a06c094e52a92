//! The pages that are lists: replies, deliveries, followers, servers, readers.

use super::{
    Admin, Refusal,
    deed::{APPROVE_FOLLOWER, BLOCK, HIDE_REPLY, REMOVE_FOLLOWER, RESEND, RESEND_TO, SHOW_REPLY, UNBLOCK},
    figures,
    show::value,
};
use crate::{
    control::{self, ListedDelivery, Listing, ReplyView},
    domain::{Card, Handle, ReviewId, Slug},
    site::admin::{
        self, BlockLine, Button, DeliveriesPage, DeliveryLine, FollowerLine, FollowersPage, Frame, HostLine, HostsPage,
        ReaderLine, RepliesPage, ReplyLine, ReportLine, TABS, TalkBar,
    },
    store::{DeliveryFilter, DeliveryState, FollowState},
};

/// Lines on a page.
const LINES_MAX: usize = 100;
const FOLLOWERS_MAX: usize = 300;
/// Reviews in the plot of replies.
const TALKED_MAX: i64 = 12;

/// `/admin/replies?which=hidden`
pub async fn replies(admin: &Admin, frame: &Frame<'_>, query: &str, session: &str) -> Result<String, Refusal> {
    let wanted = value(query, "which").unwrap_or_default();
    let tab = TABS.iter().map(|(tab, _)| *tab).find(|tab| *tab == wanted).unwrap_or("waiting");
    let store = &admin.desk.store;
    let which = match tab {
        "waiting" => Some(Listing::Waiting),
        "shown" => Some(Listing::Shown),
        "hidden" => Some(Listing::Hidden),
        "private" => Some(Listing::Private),
        _ => None,
    };
    let mut page = RepliesPage { tab, ..RepliesPage::default() };
    match which {
        Some(which) => {
            let listed = control::list_replies(store, &admin.desk.site.origin, which, None).await;
            let views = listed.map_err(|problem| Refusal::Broken(problem.to_string()))?;
            page.more = views.len().saturating_sub(LINES_MAX);
            page.lines = views.into_iter().take(LINES_MAX).map(|view| reply(admin, session, tab, view)).collect();
        }
        None => {
            let line = |view: control::ReportView| ReportLine {
                reporter: view.reporter,
                objects: view.objects,
                words: view.words,
                date: view.date,
            };
            page.reports = control::list_reports(store).await?.into_iter().take(LINES_MAX).map(line).collect();
        }
    }
    for talked in store.most_talked_of(TALKED_MAX).await? {
        let (title, path) = match (Handle::parse(&talked.reviewer), ReviewId::parse(&talked.review)) {
            (Ok(handle), Some(id)) => named(admin, &handle, &id, &talked.review),
            _ => (talked.review.clone(), None),
        };
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        page.talk.push(TalkBar { title, path, shown: count(talked.shown), unseen: count(talked.unseen) });
    }
    Ok(admin::replies(frame, &page))
}

fn reply(admin: &Admin, session: &str, tab: &str, view: ReplyView) -> ReplyLine {
    let number = view.number.to_string();
    let back = format!("/admin/replies?which={tab}");
    let about = format!("reply {number} of {}", view.handle);
    let button = |action, of: &str, words| Button {
        about: about.clone(),
        ..admin.button(session, action, of, "", &back, words)
    };
    let mut buttons = Vec::new();
    if !view.ours && !view.actor.is_empty() {
        match view.state.as_str() {
            "waiting" => {
                buttons.extend([button(SHOW_REPLY, &number, "Show"), button(HIDE_REPLY, &number, "Hide")]);
            }
            "shown" => buttons.push(button(HIDE_REPLY, &number, "Hide")),
            "hidden" => buttons.push(button(SHOW_REPLY, &number, "Show")),
            _ => {}
        }
        let asks = Some("Everything they said here is hidden, they follow no more, and nothing of theirs comes in.");
        buttons.push(Button { asks, about: view.handle.clone(), ..button(BLOCK, &view.actor, "Block the author") });
        if let Some(host) = host_of(&view.actor) {
            buttons.push(Button { asks, about: host.clone(), ..button(BLOCK, &host, "Block the server") });
        }
    }
    let under = view.review.as_ref().zip(view.reviewer.as_ref()).map(|(slug, handle)| {
        let library = admin.desk.publisher.library();
        match library.page(handle, &Slug::from_text(slug)) {
            Some(card) => (title(card), Some(admin.desk.site.origin.page(handle, &card.slug))),
            None => (slug.clone(), None),
        }
    });
    let is_address = view.address.starts_with("https://") || view.address.starts_with("http://");
    ReplyLine {
        number: view.number,
        author: view.author,
        handle: view.handle,
        address: is_address.then_some(view.address),
        under,
        date: view.date,
        warning: view.warning,
        text: view.text,
        is_ours: view.ours,
        buttons,
    }
}

/// `/admin/deliveries?state=refused&host=m.example&review=dune&before=17`
pub async fn deliveries(admin: &Admin, frame: &Frame<'_>, query: &str, session: &str) -> Result<String, Refusal> {
    let store = &admin.desk.store;
    let said = |name| value(query, name);
    let mut page = DeliveriesPage {
        state: said("state").filter(|state| DeliveryState::parse(state).is_some()).unwrap_or_default(),
        host: said("host").unwrap_or_default(),
        review: said("review").unwrap_or_default(),
        ..DeliveriesPage::default()
    };
    let object = admin.desk.object(said("review").as_deref()).await;
    page.unknown_review = object.is_none();
    let filter = DeliveryFilter {
        object: object.clone().flatten(),
        host: said("host"),
        state: DeliveryState::parse(&page.state),
        before: said("before").and_then(|number| number.parse().ok()),
    };
    let back = page.first_address();
    if !page.unknown_review {
        let mut listed = control::deliveries_where(store, &filter, LINES_MAX as i64 + 1).await?;
        let is_cut = listed.len() > LINES_MAX;
        listed.truncate(LINES_MAX);
        page.older = listed.last().map(|last| last.number).filter(|_| is_cut);
        page.is_first = filter.before.is_none();
        page.lines = listed.into_iter().map(|one| delivery(admin, session, &back, one)).collect();
    }
    if let Some(object) = object.flatten() {
        let host = said("host").unwrap_or_default();
        let button = admin.button(session, RESEND, &object, &host, &back, "Send again what failed");
        page.buttons.push(Button { about: format!("of {}", page.review), ..button });
    } else if let (Some(host), false) = (said("host"), page.unknown_review) {
        let button = admin.button(session, RESEND_TO, &host, "", &back, "Send again what failed");
        page.buttons.push(Button { about: format!("at {host}"), ..button });
    }
    // Looked at first, and in the way of whoever looks for something.
    if filter == DeliveryFilter::default() {
        let ended = store.ended_deliveries(frame.now, figures::DAYS).await?;
        page.days = figures::by_day(&ended, figures::day_of(frame.now));
        page.waits = figures::by_wait(&ended);
        page.hosts = figures::by_host(&ended).into_values().map(|at| at.share).collect();
    }
    Ok(admin::deliveries(frame, &page))
}

fn delivery(admin: &Admin, session: &str, back: &str, listed: ListedDelivery) -> DeliveryLine {
    let ListedDelivery { object, view, .. } = listed;
    let (title, path) = match crate::fediverse::note::review_of(&admin.desk.site.origin, &object) {
        Some((handle, id)) => named(admin, &handle, &id, &view.review),
        None => (view.review.clone(), None),
    };
    let words = match view.state.as_str() {
        "refused" | "given_up" => Some("Send again"),
        "due" => Some("Try now"),
        _ => None,
    };
    // What is about something of ours has its id; of the rest (an Accept, say) the server's button takes care.
    let button = words.filter(|_| object.contains("/users/")).map(|words| Button {
        about: format!("{title} to {}", view.host),
        ..admin.button(session, RESEND, &object, &view.host, back, words)
    });
    let status = view.last_status.map(|status| format!("HTTP {status}"));
    let is_fine = view.state == "delivered";
    DeliveryLine {
        title,
        path,
        kind: view.kind,
        host: view.host,
        inbox: view.inbox,
        state: view.state,
        tries: view.attempts,
        why: if is_fine { String::new() } else { view.last_error.or(status).unwrap_or_default() },
        next: view.next_at,
        button,
    }
}

/// `/admin/followers`
pub async fn followers(admin: &Admin, frame: &Frame<'_>, session: &str) -> Result<String, Refusal> {
    let store = &admin.desk.store;
    let mut all = store.followers(None).await?;
    all.sort_by_key(|one| (one.state == FollowState::Accepted, std::cmp::Reverse(one.since)));
    let mut page = FollowersPage {
        more: all.len().saturating_sub(FOLLOWERS_MAX),
        points: figures::follower_points(&store.follower_days().await?),
        today: figures::day_of(frame.now),
        many: admin.desk.reception.reviewers.len() > 1,
        ..FollowersPage::default()
    };
    for follower in all.into_iter().take(FOLLOWERS_MAX) {
        let is_waiting = follower.state == FollowState::Waiting;
        let view = control::follower_view(store, follower).await?;
        let name = view.handle.unwrap_or_else(|| view.actor.clone());
        let button = |action, words| Button {
            about: name.clone(),
            ..admin.button(session, action, &view.actor, &view.reviewer, "/admin/followers", words)
        };
        let mut buttons = Vec::new();
        if is_waiting {
            buttons.push(button(APPROVE_FOLLOWER, "Let follow"));
        }
        let asks = Some("They follow no more, and their server is told so. They may ask again.");
        buttons.push(Button { asks, ..button(REMOVE_FOLLOWER, "Remove") });
        page.lines.push(FollowerLine {
            reviewer: view.reviewer,
            name,
            actor: view.actor,
            is_waiting,
            since: view.since,
            buttons,
        });
    }
    Ok(admin::followers(frame, &page))
}

/// `/admin/hosts`
pub async fn hosts(admin: &Admin, frame: &Frame<'_>, session: &str) -> Result<String, Refusal> {
    let store = &admin.desk.store;
    let mut at_hosts = figures::by_host(&store.ended_deliveries(frame.now, figures::DAYS).await?);
    let mut page = HostsPage::default();
    for host in store.hosts().await? {
        let at = at_hosts.remove(&host.name).unwrap_or_default();
        let failed = at.share.refused + at.share.given_up;
        let mut buttons = Vec::new();
        if failed > 0 || host.due > 0 {
            let button = admin.button(session, RESEND_TO, &host.name, "", "/admin/hosts", "Send again");
            buttons.push(Button { about: format!("what {} did not take", host.name), ..button });
        }
        page.lines.push(HostLine {
            is_dead: host.dead,
            failures: host.failures,
            failing_since: host.failing_since,
            closed_until: host.closed_until.filter(|until| *until > frame.now),
            due: host.due,
            delivered: at.share.delivered,
            failed,
            wait: at.wait,
            buttons,
            name: host.name,
        });
    }
    for block in control::blocks(store).await? {
        let button = admin.button(session, UNBLOCK, &block.name, "", "/admin/hosts", "Let in again");
        let button = Button { about: block.name.clone(), ..button };
        page.blocks.push(BlockLine { name: block.name, reason: block.reason, at: block.at, button });
    }
    page.block = Some(admin.button(session, BLOCK, "", "", "/admin/hosts", "Keep out"));
    Ok(admin::hosts(frame, &page))
}

/// `/admin/readers`
pub fn readers(admin: &Admin, frame: &Frame<'_>) -> String {
    let line = |one: crate::domain::reader::FeedReader| ReaderLine {
        address: one.address.map_or_else(|| "this machine".to_owned(), |address| address.to_string()),
        conditional: 100 * one.conditional / one.fetches.max(1),
        agent: one.agent,
        people: one.subscribers,
        fetches: one.fetches,
        unchanged: one.unchanged,
        last: one.last,
    };
    let lines: Vec<ReaderLine> = (admin.desk.feed_readers)().into_iter().map(line).collect();
    admin::readers(frame, &lines)
}

/// The title and the page of a review, or how else it is called.
fn named(admin: &Admin, handle: &Handle, id: &ReviewId, otherwise: &str) -> (String, Option<String>) {
    match admin.desk.publisher.library().by_id(handle, id) {
        Some(card) => (title(card), Some(admin.desk.site.origin.page(handle, &card.slug))),
        None => (otherwise.to_owned(), None),
    }
}

fn title(card: &Card) -> String {
    card.headline.clone().unwrap_or_else(|| card.book.title.clone())
}

/// `m.example`, with its port where it has one, of an actor's id.
fn host_of(actor: &str) -> Option<String> {
    let url = url::Url::parse(actor).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}
