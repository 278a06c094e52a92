//! Finds the paths (`crate::domain::Book`, `std::fs`) that a Rust file names, `use` trees flattened.

/// A path as it would be written from outside, and the line it stands in.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    pub path: Vec<String>,
    pub line: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Colons,
    Sign(char),
}

/// Every path with `::` in it that a file of `module` names outside comments and texts. `super::` is resolved as far as
/// it leads to the root; paths that stay inside the module are left out.
pub fn named_paths(text: &str, module: &[String]) -> Vec<Named> {
    let tokens = tokens(text);
    let mut named = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let starts_path = !matches!(at.checked_sub(1).map(|before| &tokens[before].0), Some(Token::Sign('.')));
        at = match &tokens[at].0 {
            // In `use ::axum::Router` the path begins after the colons.
            Token::Word(word) if word == "use" => at + 1,
            Token::Word(_) if starts_path => tree(&tokens, at, &[], &mut named),
            Token::Word(_) | Token::Colons | Token::Sign(_) => at + 1,
        };
    }
    named.retain(|named| named.path.len() > 1);
    named.into_iter().filter_map(|named| Some(Named { path: from_root(named.path, module)?, ..named })).collect()
}

/// The text without its `#[cfg(test)]` modules (which stand at the left margin, as rustfmt leaves them).
pub fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.starts_with("mod ")) {
            let is_block = lines.next().is_some_and(|module| module.ends_with('{'));
            if is_block {
                lines.by_ref().find(|line| *line == "}");
            }
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Reads one path or `use` tree that begins at a word; returns where it ends.
fn tree(tokens: &[(Token, usize)], mut at: usize, prefix: &[String], named: &mut Vec<Named>) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens[at].1;
    while let Some((Token::Word(word), _)) = tokens.get(at) {
        if word != "self" || path.is_empty() {
            path.push(word.clone());
        }
        at += 1;
        if !matches!(tokens.get(at), Some((Token::Colons, _))) {
            break;
        }
        at += 1;
        if matches!(tokens.get(at), Some((Token::Sign('{'), _))) {
            return group(tokens, at + 1, &path, named);
        }
    }
    named.push(Named { path, line });
    at
}

/// Reads the items of a `{…}` in a `use` tree; returns where it ends.
fn group(tokens: &[(Token, usize)], mut at: usize, prefix: &[String], named: &mut Vec<Named>) -> usize {
    loop {
        match tokens.get(at) {
            Some((Token::Word(word), _)) if word == "as" => at += 2,
            Some((Token::Word(_), _)) => at = tree(tokens, at, prefix, named),
            Some((Token::Sign('*'), line)) => {
                named.push(Named { path: prefix.to_vec(), line: *line });
                at += 1;
            }
            Some((Token::Sign(','), _)) => at += 1,
            Some(_) => return at + 1,
            None => return at,
        }
    }
}

/// `super::…` and `reviewd::…` as `crate::…`; `None` for what stays inside the module.
fn from_root(path: Vec<String>, module: &[String]) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    match path[0].as_str() {
        "super" if ups < module.len() => None,
        "super" => Some([vec!["crate".to_owned()], path[ups..].to_vec()].concat()),
        "self" | "Self" => None,
        "reviewd" => Some([vec!["crate".to_owned()], path[1..].to_vec()].concat()),
        _ => Some(path),
    }
}

/// Words, `::` and other signs with their lines; comments, texts and lifetimes left out.
fn tokens(text: &str) -> Vec<(Token, usize)> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let next = chars.get(at + 1).copied();
        let end = match (chars[at], next) {
            ('/', Some('/')) => find(&chars, at, |rest| rest[0] == '\n'),
            ('/', Some('*')) => find(&chars, at + 2, |rest| rest.starts_with(&['*', '/'])) + 2,
            ('"', _) => end_of_text(&chars, at + 1),
            ('r', Some('"' | '#')) if raw_text(&chars, at).is_some() => raw_text(&chars, at).unwrap_or(at + 1),
            ('\'', Some('\\')) => find(&chars, at + 3, |rest| rest[0] == '\'') + 1,
            ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
            ('\'', _) => find(&chars, at + 1, |rest| !is_word(rest[0])),
            (':', Some(':')) => {
                tokens.push((Token::Colons, line));
                at + 2
            }
            (c, _) if is_word(c) => {
                let end = find(&chars, at, |rest| !is_word(rest[0]));
                tokens.push((Token::Word(chars[at..end].iter().collect()), line));
                end
            }
            (c, _) => {
                if !c.is_whitespace() {
                    tokens.push((Token::Sign(c), line));
                }
                at + 1
            }
        };
        let end = end.min(chars.len());
        line += chars[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn find(chars: &[char], from: usize, stop: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|at| stop(&chars[*at..])).unwrap_or(chars.len())
}

fn end_of_text(chars: &[char], mut at: usize) -> usize {
    while let Some(c) = chars.get(at) {
        match c {
            '"' => return at + 1,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// The end of `r"…"` or `r#"…"#`, if one begins here.
fn raw_text(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    (chars.get(open) == Some(&'"')).then(|| {
        let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
        find(chars, open + 1, |rest| rest.starts_with(&close)) + close.len()
    })
}
