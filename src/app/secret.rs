//! Secrets that are made here and kept in files that nobody else reads.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Bytes of chance in a secret: 192 bits are guessed by nobody.
const SECRET_BYTES: usize = 24;
const SECRET_MODE: u32 = 0o600;

/// A new secret, of letters, digits, `-` and `_`.
pub fn fresh() -> anyhow::Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("this machine gives no chance for a secret"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Writes a secret into a new file that only its owner reads.
///
/// # Errors
/// There is such a file already: it is left as it is.
pub fn write(path: &Path, secret: &str) -> io::Result<()> {
    let mut file = fs::File::options().write(true).create_new(true).mode(SECRET_MODE).open(path)?;
    writeln!(file, "{secret}")
}

/// The secret in a file, made at the first time; `what` names it in errors: `the private feed's secret`.
///
/// # Errors
/// The file is open to others, or cannot be read or made.
pub fn kept(path: &Path, what: &str) -> anyhow::Result<String> {
    let doing = || format!("read {what} {}", path.display());
    match fs::read_to_string(path) {
        Ok(text) => {
            let mode = fs::metadata(path).with_context(doing)?.permissions().mode() & 0o777;
            anyhow::ensure!(
                mode & 0o077 == 0,
                "{} can be read by others (mode {mode:03o}): run `chmod 600 {0}`",
                path.display()
            );
            Ok(text.trim().to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = fresh()?;
            write(path, &secret).with_context(doing)?;
            Ok(secret)
        }
        Err(error) => Err(error).with_context(doing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_kept_from_others() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("secret");
        let secret = kept(&path, "the secret").unwrap();
        assert!(secret.len() >= 32 && secret != fresh().unwrap());
        assert_eq!(kept(&path, "the secret").unwrap(), secret);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(write(&path, "another").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(kept(&path, "the secret").unwrap_err().to_string().contains("chmod 600"));
    }
}
