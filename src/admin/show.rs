//! What the pages show: the same answers that the commands get, in the words of the templates.

use axum::{http::StatusCode, response::Response};

use super::{
    Admin, Refusal,
    deed::{APPLY, APPLY_QUIETLY},
    figures, html, show_lists,
};
use crate::{
    control::{self, Counts, Status},
    domain::problem::Severity,
    publish::{Plan, Survey},
    site::admin::{self, Button, FolderLine, Frame, Need, NoticeLine, OverviewPage, ProblemLine, Sum},
};

/// Items named of what is held; the others are counted.
const ITEMS_MAX: usize = 6;
/// Problems shown.
const PROBLEMS_MAX: usize = 100;
/// Notices shown.
const NOTICES_MAX: usize = 8;

/// The page at an address.
pub async fn page(admin: &Admin, path: &str, query: &str, session: &str) -> Result<Response, Refusal> {
    let Some(here) = admin::PLACES.iter().map(|(place, _)| *place).find(|place| *place == path) else {
        return Err(Refusal::NotFound);
    };
    let note = value(query, "note").and_then(|number| admin.notes.find(&number));
    let frame = Frame { note, ..admin.frame(here, session).await? };
    let page = match here {
        "/admin/replies" => show_lists::replies(admin, &frame, query, session).await?,
        "/admin/deliveries" => show_lists::deliveries(admin, &frame, query, session).await?,
        "/admin/followers" => show_lists::followers(admin, &frame, session).await?,
        "/admin/hosts" => show_lists::hosts(admin, &frame, session).await?,
        "/admin/readers" => show_lists::readers(admin, &frame),
        _ => overview(admin, &frame, session).await?,
    };
    Ok(html(StatusCode::OK, page))
}

/// A value of a query, where it says something.
pub fn value(query: &str, name: &str) -> Option<String> {
    let mut fields = url::form_urlencoded::parse(query.as_bytes());
    let found = fields.find(|(key, _)| key == name).map(|(_, value)| value.trim().to_owned());
    found.filter(|value| !value.is_empty())
}

async fn overview(admin: &Admin, frame: &Frame<'_>, session: &str) -> Result<String, Refusal> {
    let desk = &admin.desk;
    let stopping = || Refusal::Broken("the daemon is stopping; start it again".to_owned());
    let folders = desk.publisher.survey().await.ok_or_else(stopping)?;
    let plan = desk.publisher.plan().await.ok_or_else(stopping)?;
    let certificate = desk.certificate.as_ref().map(|state| state.borrow().clone());
    let status = control::status(&desk.store, &desk.site, folders, certificate).await?;
    let counts = status.counts(true);
    let notices = control::notices(&desk.store, &desk.site.origin, None).await?.notices;
    let today = figures::day_of(frame.now);
    let ended = desk.store.ended_deliveries(frame.now, figures::DAYS).await?;
    let page = OverviewPage {
        needs: needs(admin, session, &counts, &plan),
        sums: sums(&counts),
        problems: problems(&status),
        notices: notices
            .into_iter()
            .take(NOTICES_MAX)
            .map(|notice| NoticeLine { text: notice.text, at: notice.at, over_at: notice.over_at })
            .collect(),
        followers: figures::follower_points(&desk.store.follower_days().await?),
        today,
        days: figures::by_day(&ended, today),
        last_publish: counts.last_publish,
        version: counts.version.to_owned(),
        examined: counts
            .last_doctor
            .map(|last| (last.at, format!("{} failed, {} warnings", last.failed, last.warnings))),
        folders: status.folders.iter().map(folder).collect(),
    };
    Ok(admin::overview(frame, &page))
}

/// What waits for a person, the most urgent first.
fn needs(admin: &Admin, session: &str, counts: &Counts<'_>, plan: &Plan) -> Vec<Need> {
    let mut needs = Vec::new();
    if let Some(alarm) = counts.alarm {
        needs.push(need("Alarm", alarm.to_owned(), Some(("/admin/deliveries", "Look at the deliveries"))));
    }
    for folder in counts.folders.iter().filter(|folder| folder.folder_state != "fine") {
        let words = format!("{}: {}. What was published stays up.", folder.folder, folder.folder_state);
        needs.push(need(&format!("The folder of @{}", folder.reviewer), words, None));
    }
    for folder in counts.folders.iter().filter(|folder| folder.held > 0) {
        needs.push(held(admin, session, folder, plan));
    }
    if counts.deliveries_held > 0 {
        let words = format!(
            "{} deliveries are held since a backup was restored, because the site may have made them before.",
            counts.deliveries_held
        );
        let buttons = release(admin, session, "");
        needs
            .push(Need { buttons, ..need("After the restore", words, Some(("/admin/deliveries?state=held", "Look"))) });
    }
    if counts.replies_waiting > 0 {
        let words = match counts.replies_waiting {
            1 => "1 reply waits until you show or hide it.".to_owned(),
            count => format!("{count} replies wait until you show or hide them."),
        };
        needs.push(need("Replies", words, Some(("/admin/replies", "Read them"))));
    }
    if counts.followers_waiting > 0 {
        let words = match counts.followers_waiting {
            1 => "1 waits until you let them follow.".to_owned(),
            count => format!("{count} wait until you let them follow."),
        };
        needs.push(need("Followers", words, Some(("/admin/followers", "Look at them"))));
    }
    if counts.reports > 0 {
        let words = match counts.reports {
            1 => "1 complaint came from another server.".to_owned(),
            count => format!("{count} complaints came from other servers."),
        };
        needs.push(need("Complaints", words, Some(("/admin/replies?which=reports", "Read them"))));
    }
    if counts.hosts_dead > 0 {
        let words = match counts.hosts_dead {
            1 => "1 server does not answer any more. What is for it waits.".to_owned(),
            count => format!("{count} servers do not answer any more. What is for them waits."),
        };
        needs.push(need("Dead servers", words, Some(("/admin/hosts", "Look at them"))));
    }
    needs
}

fn need(title: &str, words: String, link: Option<(&'static str, &'static str)>) -> Need {
    Need { title: title.to_owned(), words, items: Vec::new(), link, buttons: Vec::new() }
}

/// Held changes of one folder, by name.
fn held(admin: &Admin, session: &str, folder: &Survey, plan: &Plan) -> Need {
    let slugs = admin.desk.publisher.library();
    let mine = |id: &crate::domain::ReviewId| {
        crate::domain::Handle::parse(&folder.reviewer).is_ok_and(|handle| slugs.by_id(&handle, id).is_some())
    };
    let many = admin.desk.reception.reviewers.len() > 1;
    let held: Vec<_> = plan.held.iter().filter(|item| !many || mine(&item.id)).collect();
    let mut items: Vec<String> =
        held.iter().take(ITEMS_MAX).map(|item| format!("{} ({})", item.title, item.file)).collect();
    if held.len() > ITEMS_MAX {
        items.push(format!("and {} more", held.len() - ITEMS_MAX));
    }
    let words = folder.hold_reason.clone().unwrap_or_else(|| format!("{} changes are held.", folder.held));
    let name = format!("@{}", folder.reviewer);
    Need {
        title: match folder.held {
            1 => format!("1 change of {name} is held"),
            count => format!("{count} changes of {name} are held"),
        },
        words,
        items,
        link: None,
        buttons: release(admin, session, &name),
    }
}

/// Send, or take as known, what is held under a name; all of it without one.
fn release(admin: &Admin, session: &str, name: &str) -> Vec<Button> {
    let about = if name.is_empty() { "what is held".to_owned() } else { format!("what is held of {name}") };
    let send = admin.button(session, APPLY, name, "", "/admin", "Send");
    let quietly = admin.button(session, APPLY_QUIETLY, name, "", "/admin", "Take as known");
    vec![
        Button {
            asks: Some("Every follower is told of all of this, and cannot be untold."),
            about: about.clone(),
            ..send
        },
        Button { asks: Some("Followers know already: nothing is sent to them."), about, ..quietly },
    ]
}

fn sums(counts: &Counts<'_>) -> Vec<Sum> {
    let sum = |number: u64, what, link| Sum { number: number.to_string(), what, note: None, link };
    let signed = |number: i64| u64::try_from(number).unwrap_or(0);
    let failed = signed(counts.deliveries_refused) + signed(counts.deliveries_given_up);
    let oldest = counts.oldest_due.map(|oldest| format!("oldest of {}", oldest.strftime("%-d %b, %H:%M")));
    vec![
        sum(counts.live as u64, "reviews live", None),
        sum(counts.followers, "followers", Some("/admin/followers")),
        Sum {
            note: oldest,
            ..sum(signed(counts.deliveries_due), "deliveries due", Some("/admin/deliveries?state=due"))
        },
        sum(
            failed,
            "not delivered",
            Some(if counts.deliveries_refused > 0 {
                "/admin/deliveries?state=refused"
            } else {
                "/admin/deliveries?state=given_up"
            }),
        ),
        sum(signed(counts.subscribers), "by WebSub", None),
        sum(signed(counts.pushes_due), "pushes due", None),
    ]
}

fn folder(survey: &Survey) -> FolderLine {
    FolderLine {
        reviewer: survey.reviewer.clone(),
        folder: survey.folder.clone(),
        state: survey.folder_state.clone(),
        figures: vec![
            ("live", survey.live),
            ("answers", survey.answers),
            ("waiting", survey.waiting),
            ("held", survey.held),
            ("leaving", survey.leaving),
            ("drafts", survey.drafts),
            ("scheduled", survey.scheduled),
            ("broken", survey.broken),
            ("skipped", survey.skipped),
        ],
    }
}

fn problems(status: &Status) -> Vec<ProblemLine> {
    let all = status.folders.iter().flat_map(|folder| &folder.problems);
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    let line = |problem: &&crate::domain::Problem| ProblemLine {
        place: format!("{}:{}:{}", problem.file, problem.line, problem.column),
        message: problem.message.trim_end_matches('.').to_owned(),
        cure: problem.cure.clone(),
        is_error: problem.severity == Severity::Error,
    };
    all.iter().take(PROBLEMS_MAX).map(line).collect()
}
