//! What the buttons do: each is the question that the command of that name would ask, and says how it went.

use serde::de::DeserializeOwned;

use super::Form;
use crate::{
    control::{Answer, Decided, Desk, Question},
    domain::{Handle, ReplyState},
    fediverse::reception::Blocking,
    publish::Plan,
    site::admin::Note,
};

pub const APPLY: &str = "/admin/apply";
pub const APPLY_QUIETLY: &str = "/admin/apply-quietly";
pub const RESEND: &str = "/admin/resend";
pub const RESEND_TO: &str = "/admin/resend-to";
pub const SHOW_REPLY: &str = "/admin/replies/approve";
pub const HIDE_REPLY: &str = "/admin/replies/hide";
pub const APPROVE_FOLLOWER: &str = "/admin/followers/approve";
pub const REMOVE_FOLLOWER: &str = "/admin/followers/remove";
pub const BLOCK: &str = "/admin/block";
pub const UNBLOCK: &str = "/admin/unblock";

/// Every address that a form is sent to, but for signing in and out.
pub const ACTIONS: [&str; 10] = [
    APPLY,
    APPLY_QUIETLY,
    RESEND,
    RESEND_TO,
    SHOW_REPLY,
    HIDE_REPLY,
    APPROVE_FOLLOWER,
    REMOVE_FOLLOWER,
    BLOCK,
    UNBLOCK,
];

/// Does it; what is said of it.
pub async fn done(desk: &Desk, action: &str, form: &Form) -> Note {
    match attempt(desk, action, form).await {
        Ok(text) => Note { text, is_problem: false },
        Err(text) => Note { text, is_problem: true },
    }
}

async fn attempt(desk: &Desk, action: &str, form: &Form) -> Result<String, String> {
    let (of, to) = (form.of.clone(), form.to.clone());
    match action {
        APPLY | APPLY_QUIETLY => {
            let quietly = action == APPLY_QUIETLY;
            let names = if of.is_empty() { Vec::new() } else { vec![of] };
            let plan: Plan = ask(desk, Question::Apply { names, quietly }).await?;
            Ok(released(&plan, quietly))
        }
        RESEND => {
            let host = (!to.is_empty()).then_some(to);
            let sent: u64 = ask(desk, Question::Resend { review: of, host }).await?;
            Ok(on_their_way(sent))
        }
        RESEND_TO => Ok(on_their_way(ask(desk, Question::ResendTo { host: of }).await?)),
        SHOW_REPLY | HIDE_REPLY => {
            let state = if action == SHOW_REPLY { ReplyState::Shown } else { ReplyState::Hidden };
            let decided: Vec<Decided> = ask(desk, Question::DecideReplies { names: vec![of], state }).await?;
            Ok(decided.iter().map(|one| decision(one, state)).collect::<Vec<_>>().join(" "))
        }
        APPROVE_FOLLOWER | REMOVE_FOLLOWER => {
            let reviewer = Some(Handle::parse(&to).map_err(|error| error.to_string())?);
            let question = match action {
                APPROVE_FOLLOWER => Question::ApproveFollower { name: of, reviewer },
                _ => Question::RemoveFollower { name: of, reviewer },
            };
            let actor: String = ask(desk, question).await?;
            Ok(match action {
                APPROVE_FOLLOWER => format!("{actor} follows @{to} now."),
                _ => format!("{actor} does not follow @{to} any more."),
            })
        }
        BLOCK => {
            let name = if of.is_empty() { form.name.trim().to_owned() } else { of };
            let reason = Some(form.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
            let blocking: Blocking = ask(desk, Question::Block { names: vec![(name.clone(), reason)] }).await?;
            match blocking.refused.first() {
                Some(why) => Err(why.clone()),
                None => {
                    let ended = blocking.ended;
                    Ok(format!("{name} is kept out; {ended} follows ended, and what was said from there is hidden."))
                }
            }
        }
        UNBLOCK => match ask(desk, Question::Unblock { name: of.clone() }).await? {
            true => {
                Ok(format!("{of} is no longer kept out. Replies that were hidden stay hidden until you show them."))
            }
            false => Err(format!("{of} was not blocked.")),
        },
        other => Err(format!("{other} is no action")),
    }
}

async fn ask<T: DeserializeOwned>(desk: &Desk, question: Question) -> Result<T, String> {
    match desk.answer(question).await {
        Answer::Done(value) => serde_json::from_value(value).map_err(|error| error.to_string()),
        Answer::Refused(why) => Err(why),
    }
}

fn on_their_way(sent: u64) -> String {
    match sent {
        0 => "There was nothing to send again.".to_owned(),
        1 => "1 delivery is on its way again.".to_owned(),
        sent => format!("{sent} deliveries are on their way again."),
    }
}

fn decision(decided: &Decided, state: ReplyState) -> String {
    let number = decided.number.map_or_else(String::new, |number| format!(" {number}"));
    let handle = &decided.handle;
    let now = match state {
        ReplyState::Shown => "is shown",
        ReplyState::Hidden => "is hidden",
        ReplyState::Waiting => "waits",
    };
    match decided.changed {
        true => format!("Reply{number} of {handle} {now}."),
        false => format!("Reply{number} of {handle} {now} already."),
    }
}

fn released(plan: &Plan, quietly: bool) -> String {
    let kinds = [(&plan.create, "new"), (&plan.update, "changed"), (&plan.delete, "removed")];
    let said: Vec<String> = kinds
        .iter()
        .filter(|(items, _)| !items.is_empty())
        .map(|(items, what)| format!("{} {what}", items.len()))
        .collect();
    let counted = if said.is_empty() { "nothing that is held".to_owned() } else { said.join(", ") };
    let verb = if quietly { "Taken as known" } else { "Released" };
    match &plan.reason {
        Some(reason) => format!("{verb}: {counted}. {reason}"),
        None => format!("{verb}: {counted}."),
    }
}
