//! Block lists as Mastodon exports them, and plain lists of domains.

use super::table::decoded;

/// What a list asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BlockList {
    /// Domains and accounts, with the public comment.
    pub blocked: Vec<(String, Option<String>)>,
    /// Domains that the list only limits (`silence`) or keeps a note of (`noop`): their people may still be followed there.
    pub limited: Vec<String>,
    /// Names that hide a part of themselves behind asterisks.
    pub obfuscated: Vec<String>,
}

/// Where what stands in the lines of a list with a heading.
#[derive(Default)]
struct Columns {
    name: usize,
    severity: Option<usize>,
    comment: Option<usize>,
}

impl Columns {
    /// `#domain,#severity,…` of an administrator's export, `Account address` of a person's; `None`: no heading.
    fn of(heading: &csv::StringRecord) -> Option<Self> {
        let named = |wanted: &[&str]| {
            heading
                .iter()
                .position(|name| wanted.contains(&name.trim().trim_start_matches('#').to_lowercase().as_str()))
        };
        Some(Self {
            name: named(&["domain", "account address", "instance"])?,
            severity: named(&["severity"]),
            comment: named(&["public_comment", "publiccomment", "comment"]),
        })
    }
}

/// Reads a list: comma-separated, with a heading or without one.
pub fn read(bytes: &[u8]) -> BlockList {
    let text = decoded(bytes.to_vec());
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records().map_while(Result::ok).peekable();
    let columns = records.peek().and_then(Columns::of);
    if columns.is_some() {
        records.next();
    }
    let columns = columns.unwrap_or_default();
    let mut list = BlockList::default();
    for record in records {
        let cell = |at: usize| record.get(at).map(str::trim).filter(|cell| !cell.is_empty());
        let Some(name) = cell(columns.name).filter(|name| is_name(name)) else { continue };
        let limits = columns.severity.and_then(cell).is_some_and(|severity| !severity.eq_ignore_ascii_case("suspend"));
        match (name.trim_start_matches("*.").contains('*'), limits) {
            (true, _) => list.obfuscated.push(name.to_owned()),
            (false, true) => list.limited.push(name.to_owned()),
            (false, false) => list.blocked.push((name.to_owned(), columns.comment.and_then(cell).map(str::to_owned))),
        }
    }
    list
}

/// A domain or an account: a comment (`# …`) or a sentence is neither.
fn is_name(text: &str) -> bool {
    text.contains('.') && !text.starts_with('#') && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked(names: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        names.iter().map(|(name, why)| ((*name).to_owned(), why.map(str::to_owned))).collect()
    }

    #[test]
    fn an_administrators_export_blocks_what_it_suspends() {
        let list = read(
            b"\xEF\xBB\xBF#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n\
              spam.example,suspend,FALSE,FALSE,\"floods, and\nlies.example too\",FALSE\n\
              loud.example,silence,TRUE,FALSE,,FALSE\n\
              noted.example,noop,FALSE,FALSE,,FALSE\n\
              bad.example,suspend,FALSE,FALSE,,TRUE\n\
              h*****.example,suspend,FALSE,FALSE,,TRUE\n",
        );
        let comment = "floods, and\nlies.example too";
        assert_eq!(list.blocked, blocked(&[("spam.example", Some(comment)), ("bad.example", None)]));
        assert_eq!(list.limited, ["loud.example", "noted.example"]);
        assert_eq!(list.obfuscated, ["h*****.example"]);
    }

    #[test]
    fn a_persons_exports_and_plain_lists_are_read_too() {
        let accounts = read(b"Account address,Hide notifications\nbob@m.example,true\n");
        assert_eq!(accounts.blocked, blocked(&[("bob@m.example", None)]));
        let plain = read(b"# servers of spammers\na.example\n\nnot a domain\n*.b.example\n");
        assert_eq!(plain.blocked, blocked(&[("a.example", None), ("*.b.example", None)]));
        assert_eq!(read(b""), BlockList::default());
    }
}
