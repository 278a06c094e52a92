//! Opens the operator's page where the settings want one: its address, and the password in front of it.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use anyhow::{Context, ensure};
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::secret;
use crate::{
    admin::{self, Admin, Door, Lock},
    config::Config,
    control::Desk,
    web::Web,
};

/// In the data directory: what sessions are signed with.
const KEY_FILE: &str = "admin.key";
/// Shortest password taken, in characters: with so many nobody guesses it in a lifetime, whatever is done to slow them down,
/// and so no hash has to be slow.
const PASSWORD_CHARS_MIN: usize = 20;
/// Longest file taken for a password, in bytes.
const PASSWORD_BYTES_MAX: u64 = 4 << 10;

/// The page, with what it listens on where it has an address of its own; `None` where nobody asked for it.
///
/// # Errors
/// The password cannot be read, can be read by everybody, or is too short; the address is taken.
pub async fn open(
    config: &Config,
    desk: &Arc<Desk>,
    web: &Arc<Web>,
) -> anyhow::Result<Option<(Router, Option<TcpListener>)>> {
    let door = match (config.admin.listen, &config.admin.password_file) {
        (Some(_), _) => Door::Own,
        (None, Some(_)) => Door::Site,
        (None, None) => return Ok(None),
    };
    let lock = match &config.admin.password_file {
        Some(file) => {
            let key = secret::kept(&config.data_dir().join(KEY_FILE), "the key of the operator's sessions")?;
            let secure = door == Door::Site && config.site.origin.as_str().starts_with("https://");
            Some(Lock::new(&key, &password(file)?, secure))
        }
        None => None,
    };
    let page = Admin::new(Arc::clone(desk), Arc::clone(web), door, lock)
        .map_err(|_| anyhow::anyhow!("this machine gives no chance for a secret"))?;
    let listener = match config.admin.listen {
        Some(address) => Some(
            TcpListener::bind(address)
                .await
                .with_context(|| format!("listen on {address}; choose another address in [admin] listen"))?,
        ),
        None => None,
    };
    Ok(Some((admin::router(page, door), listener)))
}

/// Serves the page at its own address until told to stop.
pub async fn serve(listener: TcpListener, page: Router, stop: CancellationToken) {
    let service = page.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "serving the operator's page ended: {error}");
    }
}

fn password(file: &Path) -> anyhow::Result<String> {
    let name = file.display();
    let doing = || {
        format!(
            "read the password of the operator's page in {name}; make one with `reviewd generate password --into {name}`"
        )
    };
    let metadata = fs::metadata(file).with_context(doing)?;
    ensure!(metadata.is_file() && metadata.len() <= PASSWORD_BYTES_MAX, "{name} is no file with a password in it");
    let mode = metadata.permissions().mode() & 0o777;
    ensure!(mode & 0o007 == 0, "{name} can be read by everybody (mode {mode:03o}): run `chmod o= {name}`");
    let text = fs::read_to_string(file).with_context(doing)?;
    let password = text.trim();
    ensure!(
        password.chars().count() >= PASSWORD_CHARS_MIN && !password.contains('\n'),
        "the password in {name} has to be one line of at least {PASSWORD_CHARS_MIN} characters; `reviewd generate password` \
         prints a good one"
    );
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_others_read_or_guess_is_none() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("password");
        let problem = |text: &str, mode: u32| {
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            password(&file).map_err(|error| error.to_string())
        };
        assert_eq!(problem("a long and random password\n", 0o640).unwrap(), "a long and random password");
        assert!(problem("a long and random password\n", 0o644).unwrap_err().contains("chmod o="));
        assert!(problem("short\n", 0o600).unwrap_err().contains("at least 20 characters"));
        assert!(problem("one line of a file\nand another\n", 0o600).unwrap_err().contains("one line"));
        assert!(problem(&"x".repeat(5000), 0o600).unwrap_err().contains("no file with a password"));
        fs::remove_file(&file).unwrap();
        assert!(password(&file).unwrap_err().to_string().contains("generate password --into"));
    }
}
