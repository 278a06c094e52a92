//! `reviewd export`: everything the site holds, in a form that other programs take.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::{FINE, table};
use crate::{
    app,
    config::Config,
    control,
    domain::Handle,
    export::{self, Exporter, Form, Wish},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to make of the site
    #[arg(long, value_enum)]
    to: To,
    /// The file or, for `site`, the directory to write [default: named after the form, here]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// The reviews of this reviewer alone
    #[arg(long, value_name = "HANDLE", value_parser = Handle::parse)]
    reviewer: Option<Handle>,
    /// Replace the file if there is one; a directory is replaced only where it is an earlier copy
    #[arg(long)]
    force: bool,
    /// One JSON document that says what was written
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum To {
    /// An account archive as Mastodon makes it, with the ids that other servers know
    ActivitypubArchive,
    /// Every review whole in one JSON Feed
    Jsonfeed,
    /// A table as Goodreads exports it, for this and other programs to import
    Csv,
    /// The addresses of the feeds, for feed readers
    Opml,
    /// All pages, feeds and pictures as files, for any web server
    Site,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Account {
    to: Form,
    out: String,
    reviews: u64,
    files: u64,
    bytes: u64,
}

pub async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<u8> {
    let form = arguments.to.form();
    let out = arguments.out.clone().unwrap_or_else(|| form.file_name().into());
    if form != Form::Site && out.exists() && !arguments.force {
        bail!("{} is there already; name another file, or replace it with --force", out.display());
    }
    let wish = Wish { form, reviewer: arguments.reviewer.clone() };
    let directory = match out.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    // Written aside and moved into place: under its name there is a whole export or none.
    let aside = NamedTempFile::new_in(directory).with_context(|| format!("write in {}", directory.display()))?;
    let mut writer = tokio::fs::File::from_std(aside.reopen()?);
    let reviews = match control::export(&config.control.socket, &wish, &mut writer).await? {
        Some(came) => came.reviews,
        None => without_daemon(config, &wish, &mut writer).await?,
    };
    writer.sync_all().await.with_context(|| format!("write {}", out.display()))?;
    let bytes = writer.metadata().await?.len();
    let files = if form == Form::Site { export::unpack(aside.path(), &out)? } else { 1 };
    if form != Form::Site {
        make_readable(&aside)?;
        if arguments.force {
            aside.persist(&out)?;
        } else {
            aside.persist_noclobber(&out)?;
        }
    }
    let account = Account { to: form, out: out.display().to_string(), reviews, files, bytes };
    if arguments.json {
        table::json(&account)?;
    } else {
        println!("{}: {reviews} reviews in {files} {}.", account.out, if files == 1 { "file" } else { "files" });
    }
    Ok(FINE)
}

/// What everybody could read on the site is no secret in a file.
fn make_readable(file: &NamedTempFile) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    const MODE: u32 = 0o644;
    Ok(file.as_file().set_permissions(std::fs::Permissions::from_mode(MODE))?)
}

async fn without_daemon(config: &Config, wish: &Wish, writer: &mut tokio::fs::File) -> anyhow::Result<u64> {
    if !config.store.may_be_there() {
        bail!("there is no database {}; nothing was published from here yet", config.store.place());
    }
    let (web, rest) = app::rest::web(config).await?;
    let exported = web.export(wish, config.data_dir()).await;
    rest.store.close().await;
    let exported = exported?;
    let mut file = tokio::fs::File::from_std(exported.file.reopen()?);
    tokio::io::copy(&mut file, writer).await?;
    Ok(exported.reviews)
}

impl To {
    fn form(self) -> Form {
        match self {
            Self::ActivitypubArchive => Form::ActivitypubArchive,
            Self::Jsonfeed => Form::Jsonfeed,
            Self::Csv => Form::Csv,
            Self::Opml => Form::Opml,
            Self::Site => Form::Site,
        }
    }
}
