//! Every statement in this module's source is prepared by both databases: none can be forgotten, because the source is read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code: it fails by panicking")]

use std::{collections::BTreeMap, fs, path::Path};

use sqlx::AssertSqlSafe;

use super::{
    Store,
    sql::raw_sql,
    testing::{at, in_file, server::Server},
};
use crate::config::StoreSettings;

/// What a statement begins with.
const VERBS: &[&str] = &["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];
/// What only one of the databases has.
const SQLITES: &[&str] = &["pragma_", "sqlite_", "rowid"];
const POSTGRES: &[&str] = &["pg_", "information_schema", "current_schema"];
/// Types of the values, by a part of the statement, where PostgreSQL cannot tell them from the text alone. The program says
/// them with each value.
const TYPES: &[(&str, &str)] = &[
    ("($1 IS NULL OR reviewer = $1) AND ($2 IS NULL OR actor = $2)", "text, text"),
    ("($3 IS NULL OR delivery.state = $3)", "text, text, text, bigint, bigint"),
    ("($2 IS NULL OR host = $2)", "text, text, bigint"),
    ("($1 IS NULL OR reply.reviewer = $1)", "text, bigint"),
    ("DELETE FROM report WHERE seq <= $1 - $2", "bigint, bigint"),
    ("SELECT $1, callback, host, 'due', $2", "bigint, bigint, text, text, bigint"),
    ("SELECT id, $2, $3, $4, $5, $6, $7 FROM remote_actor", "text, text, text, text, bytea, bigint, bigint"),
    ("done_at = CASE WHEN $2 = 'due' THEN NULL ELSE $7 END", "bigint, text, bigint, bigint, bigint, text, bigint"),
];

/// A piece of source text that matters here.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Text(String),
    /// A name, with `$` before it or `!` after it where it has one.
    Name(String),
    Sign(char),
}

/// Macros that make statements: the name of their argument, and their body.
type Macros = BTreeMap<String, (Option<String>, Vec<Token>)>;

fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            '/' if rest.peek() == Some(&'/') => while rest.next_if(|next| *next != '\n').is_some() {},
            '"' => {
                let mut text = String::new();
                while let Some(next) = rest.next() {
                    match next {
                        '"' => break,
                        '\\' => match rest.next() {
                            Some('n') => text.push('\n'),
                            Some('\n') => while rest.next_if(|next| next.is_whitespace()).is_some() {},
                            Some(other) => text.push(other),
                            None => break,
                        },
                        other => text.push(other),
                    }
                }
                tokens.push(Token::Text(text));
            }
            // A character, not a lifetime.
            '\'' if matches!((rest.next(), rest.peek()), (Some('\\'), _) | (Some(_), Some('\''))) => {
                while rest.next_if(|next| *next != '\'').is_some() {}
                rest.next();
            }
            first if first.is_alphabetic() || first == '_' || first == '$' => {
                let mut name = String::from(first);
                while let Some(next) = rest.next_if(|next| next.is_alphanumeric() || *next == '_') {
                    name.push(next);
                }
                name.extend(rest.next_if_eq(&'!'));
                tokens.push(Token::Name(name));
            }
            first if first.is_whitespace() => {}
            other => tokens.push(Token::Sign(other)),
        }
    }
    tokens
}

/// Where the bracket that opens at `open` closes.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Sign('(' | '{' | '[') => depth += 1,
            Token::Sign(')' | '}' | ']') => depth -= 1,
            Token::Text(_) | Token::Name(_) | Token::Sign(_) => {}
        }
        if depth == 0 {
            return at;
        }
    }
    panic!("a bracket is not closed: {:?}", &tokens[open..tokens.len().min(open + 20)]);
}

fn note_macros(tokens: &[Token], macros: &mut Macros) {
    for at in 0..tokens.len() {
        let (Token::Name(keyword), Some(Token::Name(name))) = (&tokens[at], tokens.get(at + 1)) else { continue };
        if keyword != "macro_rules!" {
            continue;
        }
        let arm = at + 3;
        let argument = match &tokens[arm + 1] {
            Token::Name(name) => Some(name.clone()),
            Token::Text(_) | Token::Sign(_) => None,
        };
        let body = closing(tokens, arm) + 3;
        macros.insert(format!("{name}!"), (argument, tokens[body + 1..closing(tokens, body)].to_vec()));
    }
}

/// The text of an expression that begins at `at`, and where it ends; `None` where it is no text.
fn text(tokens: &[Token], at: usize, macros: &Macros) -> Option<(String, usize)> {
    match tokens.get(at)? {
        Token::Text(text) => Some((text.clone(), at + 1)),
        Token::Name(name) if name == "concat!" => {
            let end = closing(tokens, at + 1);
            let (mut all, mut next) = (String::new(), at + 2);
            while next < end {
                if tokens[next] == Token::Sign(',') {
                    next += 1;
                    continue;
                }
                let (part, after) = text(tokens, next, macros)?;
                all.push_str(&part);
                next = after;
            }
            Some((all, end + 1))
        }
        Token::Name(name) => {
            let (argument, body) = macros.get(name)?;
            let end = closing(tokens, at + 1);
            let given = &tokens[at + 2..end];
            let named = |token: &Token| matches!((token, argument), (Token::Name(name), Some(known)) if name == known);
            let filled: Vec<Token> =
                body.iter().flat_map(|token| if named(token) { given.to_vec() } else { vec![token.clone()] }).collect();
            Some((text(&filled, 0, macros)?.0, end + 1))
        }
        Token::Sign(_) => None,
    }
}

/// The statements of a file, and how often one is asked for whose text is not known there.
fn statements(tokens: &[Token], macros: &Macros) -> (Vec<String>, usize) {
    let (mut found, mut by_name, mut at) = (Vec::new(), 0, 0);
    while at < tokens.len() {
        match &tokens[at] {
            // Not what a macro makes before it is used.
            Token::Name(name) if name == "macro_rules!" => {
                at = closing(tokens, at + 2);
            }
            Token::Name(name) if name == "QueryBuilder" => {
                // Put together at run time: the tests that call it see to it.
                at += 6;
            }
            Token::Name(name) if ["query", "query_as", "query_scalar"].contains(&name.as_str()) => {
                let called = tokens.get(at + 1) == Some(&Token::Sign('('));
                by_name += usize::from(called && text(tokens, at + 2, macros).is_none());
            }
            _ => {}
        }
        match text(tokens, at, macros) {
            Some((text, next)) => {
                if VERBS.iter().any(|verb| text.trim_start().starts_with(verb)) {
                    found.push(text);
                }
                at = next;
            }
            None => at += 1,
        }
    }
    (found, by_name)
}

fn sources(directory: &Path, into: &mut Vec<(String, Vec<Token>)>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() {
            sources(&path, into);
        } else if name.ends_with(".rs")
            && !["tests.rs", "both.rs", "testing.rs", "statements.rs", "sql.rs"].contains(&name.as_str())
        {
            let source = fs::read_to_string(&path).unwrap();
            let shipped = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            into.push((path.display().to_string(), tokens(shipped)));
        }
    }
}

#[tokio::test]
async fn both_databases_understand_every_statement() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store"), &mut files);
    let mut macros = Macros::new();
    for (_, tokens) in &files {
        note_macros(tokens, &mut macros);
    }
    let Some(server) = Server::start_or_skip() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = Store::of(&in_file(directory.path())).await.unwrap();
    let postgres = Some(at(server.url(&server.empty())));
    let server = Store::of(&StoreSettings { postgres, ..in_file(directory.path()) }).await.unwrap();
    let (mut problems, mut all) = (Vec::new(), 0);
    for (path, tokens) in &files {
        let (statements, by_name) = statements(tokens, &macros);
        if by_name > 0 && statements.is_empty() {
            problems.push(format!("{path}: a statement is asked for whose text is nowhere in the file"));
        }
        for statement in statements {
            all += 1;
            let only = |marks: &[&str]| marks.iter().any(|mark| statement.contains(mark));
            if !only(POSTGRES)
                && let Err(error) = raw_sql(AssertSqlSafe(format!("EXPLAIN {statement}"))).execute(&file.read).await
            {
                problems.push(format!("{path}: SQLite: {error}: {statement}"));
            }
            let types = TYPES.iter().find(|(part, _)| statement.contains(part)).map(|(_, types)| format!("({types})"));
            let prepare = format!("PREPARE one {} AS {statement}; DEALLOCATE one", types.unwrap_or_default());
            if !only(SQLITES)
                && let Err(error) = raw_sql(AssertSqlSafe(prepare)).execute(&server.write).await
            {
                problems.push(format!("{path}: PostgreSQL: {error}: {statement}"));
            }
        }
    }
    assert!(problems.is_empty(), "{} of {all}:\n{}", problems.len(), problems.join("\n"));
    assert!(all > 190, "{all} statements were found in {} files", files.len());
}

#[test]
fn statements_are_found_however_they_are_written() {
    let source = r#"
        macro_rules! some { ($rest:expr) => { concat!("SELECT a FROM b WHERE ", $rest) }; }
        macro_rules! shown { () => { "c = 'd'" }; }
        fn f() { query("SELECT 1 \
            FROM x"); query_as(some!(concat!(shown!(), " AND e"))); let q = "DELETE FROM x"; query(q); g('"', "no SQL"); }
        // query("UPDATE not")
    "#;
    let tokens = tokens(source);
    let mut macros = Macros::new();
    note_macros(&tokens, &mut macros);
    let (found, by_name) = statements(&tokens, &macros);
    assert_eq!(found, ["SELECT 1 FROM x", "SELECT a FROM b WHERE c = 'd' AND e", "DELETE FROM x"]);
    assert_eq!(by_name, 1);
}
