//! SQLite and PostgreSQL are one store: the same tables, a copy from one to the other and back, and clear words where a
//! server cannot be had.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "test code: it fails by panicking, and waits for itself"
)]

use std::collections::BTreeMap;

use super::{
    Outgoing, Recipients, Store, StoreError,
    conversation::tests::{NOTE, id, now, post},
    copy::{self, TABLES},
    sql::{Pool, QueryBuilder, Row, query, query_as, query_scalar},
    testing::{at, in_file, server::Server},
};
use crate::{
    config::{PostgresSettings, StoreSettings},
    domain::{
        Handle, ReplyState, Source,
        message::{Audience, Kind, Message},
    },
};

/// A server for one test, that it may stop.
fn server() -> Option<Server> {
    Server::start_or_skip()
}

fn place(server: &Server) -> StoreSettings {
    let database = server.empty();
    StoreSettings { postgres: Some(at(server.url(&database))), ..in_file(std::path::Path::new("/nowhere")) }
}

/// `table.column TYPE NULL?`, and the names of the indexes, as a database tells them.
async fn outline(store: &Store) -> Vec<String> {
    let (columns, indexes) = match store.read {
        Pool::Sqlite(_) => (
            "SELECT tables.name || '.' || columns.name, columns.type || ' ' || (columns.\"notnull\" OR columns.pk)
             FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns
             WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'",
            "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'",
        ),
        Pool::Postgres(_) => (
            "SELECT table_name || '.' || column_name,
                    data_type || ' ' || CASE WHEN is_nullable = 'NO' THEN '1' ELSE '0' END
             FROM information_schema.columns WHERE table_schema = current_schema()",
            "SELECT CAST(indexname AS TEXT) FROM pg_indexes WHERE schemaname = current_schema()
             AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        ),
    };
    let rows: Vec<(String, String)> = query_as(columns).fetch_all(&store.read).await.unwrap();
    let kind = |kind: String| kind.to_ascii_lowercase().replace("blob", "bytea").replace("integer", "bigint");
    let mut outline: Vec<String> = rows.into_iter().map(|(name, told)| format!("{name} {}", kind(told))).collect();
    let indexes: Vec<String> = query_scalar(indexes).fetch_all(&store.read).await.unwrap();
    outline.extend(indexes);
    outline.sort();
    outline
}

#[tokio::test]
async fn both_databases_have_the_same_tables_columns_and_indexes_and_a_copy_knows_them_all() {
    let Some(server) = server() else { return };
    let directory = tempfile::tempdir().unwrap();
    let (file, server) =
        (Store::of(&in_file(directory.path())).await.unwrap(), Store::of(&place(&server)).await.unwrap());
    let (sqlite, postgres) = (outline(&file).await, outline(&server).await);
    assert_eq!(sqlite, postgres);
    let mut tables: Vec<&str> = sqlite.iter().filter_map(|line| Some(line.split_once('.')?.0)).collect();
    tables.dedup();
    let mut copied = TABLES.to_vec();
    copied.push("schema_step");
    copied.sort_unstable();
    assert_eq!(tables, copied);
}

async fn rows(store: &Store, table: &'static str) -> Vec<String> {
    let mut reading = store.read.begin_reading().await.unwrap();
    let columns = copy::columns(&store.read, &mut reading, table).await.unwrap();
    let mut all = QueryBuilder::new("SELECT 0");
    copy::push_columns(&mut all, &columns);
    all.push(" FROM ").push_name(table);
    let rows = all.build().fetch_all(&mut *reading).await.unwrap();
    let text = |row: &Row| {
        let values = columns.iter().enumerate().map(|(at, column)| copy::value(row, at + 1, column.kind).unwrap());
        format!("{:?}", values.collect::<Vec<_>>())
    };
    let mut texts: Vec<String> = rows.iter().map(text).collect();
    texts.sort();
    texts
}

/// Every row of every table, as text.
async fn everything(store: &Store) -> BTreeMap<&'static str, Vec<String>> {
    let mut all = BTreeMap::new();
    for table in TABLES {
        all.insert(*table, rows(store, table).await);
    }
    all
}

async fn fill(store: &Store) {
    let ana = Handle::parse("ana").unwrap();
    let reply = post(1, NOTE);
    store.keep_reply(&reply, ReplyState::Shown, Source::Inbox, now()).await.unwrap();
    store.keep_reply(&post(2, &id(1)), ReplyState::Waiting, Source::Crawled, now()).await.unwrap();
    store.drop_reply(&id(2), now()).await.unwrap();
    store.remember_fact("origin", "https://books.example").await.unwrap();
    store.remember_fact("odd", "ä \u{1f4da} 'quoted' \\ and\nlines").await.unwrap();
    store.keep_received("https://m.example/1", "https://m.example/users/bob", &[0, 255, 1], now()).await.unwrap();
    for number in 0..250 {
        let message = Message {
            id: format!("https://books.example/{number}"),
            kind: Kind::Update,
            object: NOTE.to_owned(),
            audience: Audience::Everyone,
            body: vec![0; number],
        };
        let to = Recipients::Inbox(format!("https://m.example/{number}/inbox"));
        let words = Outgoing { reviewer: ana.clone(), message, to, at: now() };
        store.move_away(&ana, "https://elsewhere.example", &words).await.unwrap();
    }
}

#[tokio::test]
async fn a_copy_there_and_back_gives_equal_tables_and_the_next_numbers() {
    let Some(server) = server() else { return };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = Store::of(&in_file(one.path())).await.unwrap();
    fill(&file).await;
    let away = Store::of(&place(&server)).await.unwrap();
    let copied = file.copy_into(&away).await.unwrap();
    assert_eq!(copied.iter().find(|table| table.name == "activity").unwrap().rows, 250);
    let back = Store::of(&in_file(two.path())).await.unwrap();
    assert_eq!(away.copy_into(&back).await.unwrap(), copied);
    assert_eq!(everything(&back).await, everything(&file).await);
    for store in [&away, &back] {
        store.keep_reply(&post(3, NOTE), ReplyState::Shown, Source::Inbox, now()).await.unwrap();
        let seq = store.reply(&id(3)).await.unwrap().unwrap().seq;
        assert_eq!(seq, 3, "the number of a reply that was deleted is not given again");
    }
    let refused = file.copy_into(&away).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotEmpty { .. }), "{refused}");
    assert_eq!(everything(&away).await["activity"].len(), 250);
}

#[tokio::test]
async fn a_text_with_nul_is_kept_and_found() {
    let Some(server) = server() else { return };
    let store = Store::of(&place(&server)).await.unwrap();
    store.remember_fact("a\0b", "c\0d").await.unwrap();
    assert_eq!(store.fact("a\0b").await.unwrap().as_deref(), Some("c\u{fffd}d"));
}

/// What a person reads where the store cannot be opened.
async fn told(url: String, password_file: Option<&std::path::Path>) -> String {
    let postgres = Some(PostgresSettings { url, password_file: password_file.map(Into::into) });
    let settings = StoreSettings { postgres, ..in_file(std::path::Path::new("/nowhere")) };
    Store::of(&settings).await.err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn a_server_that_refuses_says_why_and_what_to_do() {
    let Some(server) = server() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    server.sql("postgres", "CREATE ROLE secret LOGIN PASSWORD 'open sesame'");
    server.sql("postgres", "CREATE DATABASE books OWNER secret");
    let url = server.url_as("secret", "books");
    std::fs::write(&file, "open barley\n").unwrap();
    let wrong = told(url.clone(), Some(&file)).await;
    assert!(wrong.contains("password authentication failed") && wrong.contains("password_file"), "{wrong}");
    assert!(!wrong.contains("barley"), "{wrong}");
    std::fs::write(&file, "open sesame\n").unwrap();
    assert_eq!(told(url.clone(), Some(&file)).await, "");
    let absent = told(url, Some(&directory.path().join("none"))).await;
    assert!(absent.contains("correct [store] password_file"), "{absent}");
    let none = told(server.url("nothing"), None).await;
    assert!(none.contains("does not exist; make the database"), "{none}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let strange = told(format!("postgres://reviewd@127.0.0.1:{port}/books?sslmode=disable"), None).await;
    assert!(strange.contains("no PostgreSQL"), "{strange}");
}

#[tokio::test]
async fn a_server_that_goes_away_and_comes_back_loses_nothing() {
    let Some(server) = server() else { return };
    let settings = place(&server);
    let store = Store::of(&settings).await.unwrap();
    store.remember_fact("before", "kept").await.unwrap();
    server.stop();
    let error = store.remember_fact("meanwhile", "not").await.unwrap_err();
    assert!(store.is_away(&error), "{error}");
    assert!(error.to_string().contains("nothing is lost meanwhile"), "{error}");
    let trouble = store.prove().await.unwrap_err().to_string();
    assert_eq!(store.trouble(), Some(trouble));
    server.run();
    store.prove().await.unwrap();
    assert_eq!(store.trouble(), None);
    assert_eq!(store.fact("before").await.unwrap().as_deref(), Some("kept"));
    assert_eq!(store.fact("meanwhile").await.unwrap(), None);
    query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename IS NOT NULL",
    )
    .execute(&store.read)
    .await
    .unwrap();
    store.remember_fact("after", "it").await.unwrap();
    assert_eq!(store.fact("after").await.unwrap().as_deref(), Some("it"));
}

#[tokio::test]
async fn two_programs_write_one_after_the_other() {
    let Some(server) = server() else { return };
    let settings = place(&server);
    let (one, two) = (Store::of(&settings).await.unwrap(), Store::of(&settings).await.unwrap());
    let mut first = one.begin().await.unwrap();
    query("INSERT INTO fact (name, value) VALUES ('turn', '1')").execute(&mut *first).await.unwrap();
    let second = tokio::spawn(async move {
        let mut second = two.begin().await.unwrap();
        let seen: Option<String> =
            query_scalar("SELECT value FROM fact WHERE name = 'turn'").fetch_optional(&mut *second).await.unwrap();
        seen
    });
    first.commit().await.unwrap();
    assert_eq!(second.await.unwrap().as_deref(), Some("1"));
}
