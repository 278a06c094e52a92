//! Links of Obsidian and other notebooks: `[[Page|label]]` and `![[picture.jpg]]`.

/// Longer ones are text; bytes.
const BYTES_MAX: usize = 500;
const PICTURES: [&str; 8] = ["jpg", "jpeg", "png", "gif", "webp", "avif", "svg", "bmp"];

/// The link at the beginning of the text as Markdown, and its length. The page it names lies in a notebook nobody
/// else can open: only its label is left.
pub(super) fn read(text: &str) -> Option<(usize, String)> {
    let (inner_on, is_embedded) = match text.strip_prefix("![[") {
        Some(rest) => (rest, true),
        None => (text.strip_prefix("[[")?, false),
    };
    let window = inner_on.get(..inner_on.floor_char_boundary(BYTES_MAX)).unwrap_or_default();
    let end = window.find("]]")?;
    let inner = window.get(..end)?;
    if inner.trim().is_empty() || inner.contains(['\n', '[', ']']) {
        return None;
    }
    let length = text.len() - inner_on.len() + end + 2;
    // `[[1]](https://…)` is a Markdown link with brackets in its words.
    if text.get(length..).is_some_and(|after| after.starts_with('(')) {
        return None;
    }
    let (page, label) = match inner.split_once('|') {
        // In a table the bar is escaped.
        Some((page, label)) => (page.trim_end_matches('\\').trim(), Some(label.trim())),
        None => (inner.trim(), None),
    };
    let label = label.filter(|label| !label.is_empty());
    if is_embedded && is_picture(page) {
        let alt = label.filter(|label| !is_size(label)).unwrap_or_default();
        return Some((length, format!("![{alt}](<{}>)", page.replace(['<', '>'], ""))));
    }
    Some((length, label.unwrap_or_else(|| name_of(page)).to_owned()))
}

fn is_picture(page: &str) -> bool {
    page.rsplit_once('.')
        .is_some_and(|(_, extension)| PICTURES.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// `300` or `300x200`.
fn is_size(label: &str) -> bool {
    label.split('x').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `books/Dune#Plot` → `Dune`
fn name_of(page: &str) -> &str {
    let page = page.split(['#', '^']).next().filter(|page| !page.trim().is_empty()).unwrap_or(page);
    page.rsplit('/').next().unwrap_or(page).trim_start_matches('#').trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wikilinks_are_their_labels_and_embedded_pictures_are_pictures() {
        fn check(text: &str, expected: Option<&str>) {
            assert_eq!(read(text).map(|(_, text)| text).as_deref(), expected, "{text}");
        }
        check("[[Dune]] by", Some("Dune"));
        check("[[Books/Dune#Plot]]", Some("Dune"));
        check("[[Books/Dune|the novel]]", Some("the novel"));
        check("![[cover art.jpg|300]]", Some("![](<cover art.jpg>)"));
        check("![[map.PNG|The map]]", Some("![The map](<map.PNG>)"));
        check("![[Other note]]", Some("Other note"));
        check("[[1]](https://a.example)", None);
        check("[[1,2],[3]]", None);
        check("[[]]", None);
        check("[[open", None);
    }
}
