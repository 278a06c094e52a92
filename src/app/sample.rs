//! The folder of a first start: made with one review in it, so that there is something to see and to change.

use std::fs;

use anyhow::Context;

use crate::config::Config;

const SAMPLE: &str = include_str!("sample.md");

/// Makes the default folder when nothing was configured and it is not there. A configured folder that is missing is a
/// mistake to be shown, never to be papered over.
pub fn lay_out(config: &Config) -> anyhow::Result<()> {
    if config.file.is_some() || config.data_dir().join("reviewd.db").exists() {
        return Ok(());
    }
    for reviewer in config.reviewers.iter().filter(|reviewer| !reviewer.folder.exists()) {
        let folder = &reviewer.folder;
        fs::create_dir_all(folder).with_context(|| format!("create the review folder {}", folder.display()))?;
        let file = folder.join("frankenstein.md");
        fs::write(&file, SAMPLE).with_context(|| format!("write the sample review {}", file.display()))?;
        tracing::info!("made the folder {} with a sample review; edit it, or put your own beside it", folder.display());
    }
    Ok(())
}
