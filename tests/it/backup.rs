//! `backup` and `restore` as a person uses them: what they take, what they refuse, and what is in the file.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use crate::commands::Home;

/// What an archive holds.
fn names(file: &Path) -> Vec<String> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(file).unwrap()));
    let names = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
    names.collect()
}

/// An archive with these entries, as somebody with bad intentions makes one.
fn forge(file: &Path, entries: &[(&str, tar::EntryType, &[u8])]) {
    let out = flate2::write::GzEncoder::new(File::create(file).unwrap(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(out);
    for (name, kind, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        // Past the library's own care for `..`.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        if *kind == tar::EntryType::Symlink {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
}

fn head(schema: i64) -> Vec<u8> {
    let head = serde_json::json!({
        "format": 1, "reviewd": "9.0.0", "schema": schema, "origin": "https://books.example",
        "made_at": "2026-11-22T12:00:00Z", "moving": false,
    });
    head.to_string().into_bytes()
}

#[tokio::test]
async fn a_backup_made_beside_a_running_daemon_makes_the_same_site_elsewhere() {
    let home = Home::of(&["dune", "emma"]);
    let (mut daemon, _) = home.serve(&["serve"]).await;
    home.until("live", 2).await;
    let made = home.run(&["backup", "b.tar.gz", "--with-reviews"]).await;
    assert!(made.code == 0 && made.out.contains("private keys"), "{made}");
    let file = home.path("b.tar.gz");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let held = names(&file);
    assert_eq!(
        (held.first().map(String::as_str), held.last().map(String::as_str)),
        (Some("backup.json"), Some("SHA256SUMS"))
    );
    for name in
        ["reviewd.toml", "reviewd.db", "ids.jsonl", "keys/ana.pem", "keys/instance-actor.pem", "reviews/ana/dune.md"]
    {
        assert!(held.iter().any(|one| one == name), "{name}: {held:?}");
    }
    let again = home.run(&["backup", "b.tar.gz"]).await;
    assert!(again.code == 1 && again.err.contains("--force"), "{again}");
    assert_eq!(names(&file), held, "it was not touched");
    assert!(daemon.terminate().await.success());
    let ids = fs::read(home.path("data/ids.jsonl")).unwrap();
    let key = fs::read(home.path("data/keys/ana.pem")).unwrap();

    let other = Home::bare();
    fs::copy(&file, other.path("b.tar.gz")).unwrap();
    let restored = other.run(&["restore", "b.tar.gz"]).await;
    assert!(restored.code == 0 && restored.out.contains("reviewd apply"), "{restored}");
    assert_eq!(fs::read(other.path("reviewd.toml")).unwrap(), fs::read(home.path("reviewd.toml")).unwrap());
    assert_eq!(fs::read(other.path("data/ids.jsonl")).unwrap(), ids);
    assert_eq!(fs::read(other.path("data/keys/ana.pem")).unwrap(), key);
    for (name, mode) in
        [("data", 0o700), ("data/keys", 0o700), ("data/keys/ana.pem", 0o600), ("data/reviewd.db", 0o600)]
    {
        let found = fs::metadata(other.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
    let written = |home: &Home| fs::metadata(home.path("reviews/dune.md")).unwrap().modified().unwrap();
    let seconds = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(seconds(written(&other)), seconds(written(&home)));
    let status = other.json(&["status", "--json"]).await;
    assert_eq!((&status["live"], &status["held"]), (&serde_json::json!(2), &serde_json::json!(0)), "{status:#}");
    let plan = other.json(&["plan", "--json"]).await;
    assert_eq!(plan["create"], serde_json::json!([]), "{plan:#}");
    assert_eq!(plan["held"], serde_json::json!([]), "{plan:#}");
    let twice = other.run(&["restore", "b.tar.gz"]).await;
    assert!(twice.code == 1 && twice.err.contains("is not empty"), "{twice}");
}

#[tokio::test]
async fn a_backup_can_be_checked_with_what_every_machine_has() {
    let home = Home::of(&["dune"]);
    home.run(&["apply"]).await;
    let made = home.run(&["backup", "b.tar.gz", "--with-reviews"]).await;
    assert_eq!(made.code, 0, "{made}");
    let into = home.path("out");
    fs::create_dir(&into).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(&into).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("tar", &["xzf", "../b.tar.gz"]);
    run("sha256sum", &["--check", "--strict", "SHA256SUMS"]);
    assert!(
        !home
            .path("data")
            .read_dir()
            .unwrap()
            .flatten()
            .any(|one| one.file_name().to_string_lossy().starts_with(".backup"))
    );
}

#[tokio::test]
async fn a_restore_refuses_what_would_do_harm_and_leaves_nothing_behind() {
    let home = Home::of(&["dune"]);
    home.run(&["apply"]).await;
    home.run(&["backup", "good.tar.gz"]).await;
    let target = Home::new("");
    let regular = tar::EntryType::Regular;
    type Entry<'a> = (&'a str, tar::EntryType, &'a [u8]);
    let forged: &[(&str, &[Entry<'_>], &str)] = &[
        ("up", &[("backup.json", regular, &head(1)), ("../evil", regular, b"x")], "does not belong"),
        ("root", &[("backup.json", regular, &head(1)), ("/tmp/evil", regular, b"x")], "does not belong"),
        (
            "link",
            &[("backup.json", regular, &head(1)), ("reviewd.db", tar::EntryType::Symlink, b"")],
            "does not belong",
        ),
        ("newer", &[("backup.json", regular, &head(99))], "install that version or a newer one"),
        ("other", &[("something.txt", regular, b"x")], "is no backup of reviewd"),
        ("short", &[("backup.json", regular, &head(1)), ("reviewd.db", regular, b"x")], "its end is missing"),
        (
            "changed",
            &[
                ("backup.json", regular, &head(1)),
                ("reviewd.db", regular, b"x"),
                ("SHA256SUMS", regular, b"00  reviewd.db\n"),
            ],
            "is not what was packed",
        ),
    ];
    for (name, entries, why) in forged {
        let file = target.path(&format!("{name}.tar.gz"));
        forge(&file, entries);
        let output = target.run(&["restore", &format!("{name}.tar.gz")]).await;
        assert!(output.code == 1 && output.err.contains(why), "{name}: {output}");
        assert!(!target.path("data").exists() || target.path("data").read_dir().unwrap().next().is_none(), "{name}");
        assert!(!target.path("evil").exists(), "{name}");
    }
    let good = fs::read(home.path("good.tar.gz")).unwrap();
    fs::write(target.path("cut.tar.gz"), &good[..good.len() / 2]).unwrap();
    let cut = target.run(&["restore", "cut.tar.gz"]).await;
    assert!(cut.code == 1 && cut.err.contains("is damaged"), "{cut}");
    fs::write(target.path("good.tar.gz"), &good).unwrap();
    let elsewhere = target.run(&["restore", "good.tar.gz", "--origin", "https://other.example"]).await;
    assert!(elsewhere.code == 1 && elsewhere.err.contains("https://books.example"), "{elsewhere}");
    let (mut daemon, _) = target.serve(&["serve"]).await;
    let running = target.run(&["restore", "good.tar.gz"]).await;
    assert!(running.code == 1 && running.err.contains("stop it"), "{running}");
    assert!(daemon.terminate().await.success());
}

#[tokio::test]
async fn a_site_that_moves_to_another_machine_does_not_start_again_on_the_first() {
    let home = Home::of(&["dune"]);
    let (mut daemon, _) = home.serve(&["serve"]).await;
    let running = home.run(&["backup", "b.tar.gz", "--moving"]).await;
    assert!(running.code == 1 && running.err.contains("stop it first"), "{running}");
    assert!(daemon.terminate().await.success());
    assert_eq!(home.run(&["backup", "b.tar.gz", "--moving", "--with-reviews"]).await.code, 0);
    let refused = home.run(&["serve"]).await;
    assert!(refused.code == 1 && refused.err.contains("moved-away"), "{refused}");
    let other = Home::bare();
    fs::copy(home.path("b.tar.gz"), other.path("b.tar.gz")).unwrap();
    let restored = other.run(&["restore", "b.tar.gz"]).await;
    assert!(restored.code == 0 && restored.out.contains("as soon as you start it"), "{restored}");
    let (mut daemon, _) = other.serve(&["serve"]).await;
    assert!(daemon.terminate().await.success());
}
