//! `reviewd replies answer`: writes the file that answers a post, with an editor or from the command line.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use super::FINE;
use crate::{
    app,
    clock::Clock,
    config::{Config, ReviewerSettings},
    control::{self, AskedPost, Question},
    domain::Slug,
};

/// Nothing from here on is sent.
const SCISSORS: &str = "# ------------------------ >8 ------------------------";
/// Names tried before giving up: that many answers to one person on one day.
const NAMES_MAX: usize = 1_000;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The number of a reply (see `replies list`), or the address of any post
    #[arg(value_name = "ID|URL")]
    post: String,
    /// The answer, in Markdown; `-` reads it from standard input; an editor opens without it
    #[arg(long)]
    text: Option<String>,
    /// Which reviewer answers, where there are several
    #[arg(long = "as", value_name = "HANDLE")]
    reviewer: Option<String>,
}

pub async fn run(
    config: &Config,
    arguments: &Arguments,
    environment: &BTreeMap<String, String>,
    cwd: &Path,
) -> anyhow::Result<u8> {
    let question = Question::AskedPost { name: arguments.post.clone() };
    let answer = control::ask::<AskedPost>(&config.control.socket, &question).await?;
    let runs = answer.is_some();
    let post = match answer {
        Some(post) => post,
        None => without_daemon(config, &arguments.post).await?,
    };
    let reviewer = reviewer(config, &post, arguments.reviewer.as_deref())?;
    let header = format!("---\nin_reply_to: {}\n---\n\n", post.in_reply_to);
    let directory = reviewer.folder.join("replies");
    let words = match arguments.text.as_deref() {
        Some("-") => {
            let mut words = String::new();
            io::stdin().read_to_string(&mut words).context("read the answer from standard input")?;
            words
        }
        Some(words) => words.to_owned(),
        None => edit(&header, &post, environment)?,
    };
    let whole = if words.starts_with("---") { words } else { format!("{header}{}\n", words.trim()) };
    if whole.trim() == header.trim() {
        bail!("the answer says nothing, so nothing was written");
    }
    let path = write(&directory, &stem(&post), &whole)?;
    println!("The answer is in {}.", path.strip_prefix(cwd).unwrap_or(&path).display());
    let whom = if post.author.is_empty() { "the author".to_owned() } else { format!("@{}", post.author) };
    let seen = if post.private { " and nobody else" } else { "" };
    match runs {
        true => println!("It goes to {whom}{seen} when the file has been quiet for {:?}.", config.publish.settle),
        false => println!("It goes to {whom}{seen} when the daemon runs."),
    }
    Ok(FINE)
}

/// What is known without asking anybody.
async fn without_daemon(config: &Config, name: &str) -> anyhow::Result<AskedPost> {
    let parts = app::open(config).await?;
    let known = control::asked_reply(&parts.store, &config.site.origin, name).await;
    parts.store.close().await;
    match known? {
        Some(post) => Ok(post),
        None if name.starts_with("https://") || name.starts_with("http://") => {
            Ok(AskedPost { in_reply_to: name.to_owned(), ..AskedPost::default() })
        }
        None => bail!("there is no reply `{name}`; look with `reviewd replies list`, or name the address of a post"),
    }
}

fn reviewer<'a>(config: &'a Config, post: &AskedPost, asked: Option<&str>) -> anyhow::Result<&'a ReviewerSettings> {
    let of = |name: &str| config.reviewers.iter().find(|one| one.handle.as_str() == name);
    if let Some(name) = asked {
        let name = name.trim_start_matches('@');
        return of(name).with_context(|| format!("there is no reviewer @{name} in the settings"));
    }
    let likely = post.reviewers.iter().find_map(|handle| of(handle.as_str()));
    let only = config.reviewers.first().filter(|_| config.reviewers.len() == 1);
    likely.or(only).context("several reviewers could answer this; say which one with --as HANDLE")
}

/// Opens the editor on the header, with the post quoted below the scissors.
fn edit(header: &str, post: &AskedPost, environment: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let set = |name: &str| environment.get(name).filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR"));
    let editor = editor.context("set EDITOR to your text editor, or give the answer with --text")?;
    let quoted =
        post.words.as_deref().unwrap_or_default().lines().map(|line| format!("# {line}\n")).collect::<String>();
    let note = format!("{SCISSORS}\n# Nothing from the line above on is sent. @{} wrote:\n#\n{quoted}", post.author);
    let mut file =
        tempfile::Builder::new().prefix("answer-").suffix(".md").tempfile().context("make a file to edit")?;
    write!(file, "{header}\n\n{note}").context("write the file to edit")?;
    let mut command = Command::new("sh");
    // As git does: the variable may hold options of the editor.
    command.arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(file.path());
    let status = command.status().with_context(|| format!("start the editor `{editor}`"))?;
    if !status.success() {
        bail!("the editor `{editor}` ended with {status}, so nothing was written");
    }
    let text = fs::read_to_string(file.path()).context("read what was edited")?;
    let text = text.split(SCISSORS).next().unwrap_or_default().trim_end();
    Ok(format!("{text}\n"))
}

/// `2026-11-22-bob-dune`
fn stem(post: &AskedPost) -> String {
    let user = match post.author.split('@').next() {
        Some(user) if !user.is_empty() => user.to_owned(),
        _ => {
            url::Url::parse(&post.in_reply_to).ok().and_then(|url| Some(url.host_str()?.to_owned())).unwrap_or_default()
        }
    };
    let name = format!("{user} {}", post.review.as_deref().unwrap_or_default());
    format!("{}-{}", Clock::system().now().strftime("%Y-%m-%d"), Slug::from_text(&name))
}

/// Writes the file under the first free name; one that is there is never touched.
fn write(directory: &Path, stem: &str, text: &str) -> anyhow::Result<PathBuf> {
    let failed = || format!("write into {}; run the command as somebody who may write there", directory.display());
    fs::create_dir_all(directory).with_context(failed)?;
    for number in 1..=NAMES_MAX {
        let name = if number == 1 { format!("{stem}.md") } else { format!("{stem}-{number}.md") };
        let path = directory.join(name);
        match fs::File::create_new(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes()).with_context(failed)?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(failed),
        }
    }
    bail!("{} is full of answers named {stem}", directory.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_never_touched() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("replies");
        let first = write(&folder, "2026-11-22-bob", "one").unwrap();
        let second = write(&folder, "2026-11-22-bob", "two").unwrap();
        assert_eq!(fs::read_to_string(first).unwrap(), "one");
        assert_eq!(second.file_name().unwrap(), "2026-11-22-bob-2.md");
    }

    #[test]
    fn a_file_is_named_by_day_person_and_review() {
        let stem = |author: &str, review: Option<&str>| {
            let review = review.map(str::to_owned);
            let in_reply_to = "https://m.example/1".to_owned();
            let post = AskedPost { author: author.to_owned(), review, in_reply_to, ..AskedPost::default() };
            stem(&post)[11..].to_owned()
        };
        assert_eq!(stem("bob@m.example", Some("dune")), "bob-dune");
        assert_eq!(stem("../Ève@m.example", None), "eve");
        assert_eq!(stem("", None), "m-example");
    }
}
