//! What holds for every text.

use proptest::prelude::*;

use super::*;

/// Pieces of Markdown and HTML, so that random texts hit the syntax.
fn pieces() -> impl Strategy<Value = String> {
    const PIECES: [&str; 74] = [
        "word",
        " ",
        "  \n",
        "\n",
        "\n\n",
        "# ",
        "## Spoilers ahead\n",
        "### ",
        "*",
        "**",
        "_",
        "~~",
        "`",
        "```\n",
        "> ",
        "- ",
        "1. ",
        "    ",
        "[",
        "](",
        ")",
        "![a](cover.jpg)",
        "[a](https://a.example)",
        "[b](/b \"t\")",
        "[c](mailto:a@b.example)",
        "[d](javascript:x)",
        "<b>",
        "</b>",
        "<div>",
        "</div>",
        "<p>",
        "<span class=\"spoiler\">",
        "</span>",
        "<spoiler>",
        "</spoiler>",
        "||",
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
        "[^1]",
        "\n\n[^1]: note\n\n",
        "---\n",
        "<details><summary>",
        "</summary>",
        "</details>",
        "&amp;",
        "&",
        "<",
        ">",
        "<script>x</script>",
        "<!-- c -->",
        "<img src=x onerror=y>",
        "<table><tr><td>",
        "</table>",
        "<ul><li>",
        "</ul>",
        "{{< spoiler >}}",
        "{{< /spoiler >}}",
        "[[Page|label]]",
        "==",
        "- [x] ",
        "é",
        "日本",
        "\u{202E}",
        "\u{0}",
        "<a href=\"https://b.example\">",
        "</a>",
        "<h1>",
        "</h1>",
        "<sup>",
        "<pre>",
        "</pre>",
        ">!",
        "!<",
        "<cite>",
        "<br>",
    ];
    prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

fn texts() -> impl Strategy<Value = Text> {
    let formats = prop::sample::select(vec![Format::Markdown, Format::Html, Format::Plain]);
    (formats, prop_oneof![pieces(), any::<String>()]).prop_map(|(format, source)| Text::new(format, source))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mastodon_leaves_our_posts_as_they_are(text in texts()) {
        mastodon::check_survives(fediverse_html(&text, &PLACE).as_str());
    }

    #[test]
    fn mastodon_leaves_posts_of_strangers_as_they_are(text in texts()) {
        mastodon::check_survives(remote_html(&text.source).as_str());
    }

    #[test]
    fn what_is_hidden_in_one_place_is_hidden_in_all(before in pieces(), after in pieces()) {
        // Whatever stands around it (but for code, which it would be part of), it never leaks.
        let before = before.replace(['`', '~', '<', '{'], "");
        let text = markdown(&format!("{before}\n\n<spoiler>\n\nZebra\n\n</spoiler>\n\n{after}"));
        prop_assert!(has_marked_spoilers(&text));
        prop_assert!(!feed_html(&text, &PLACE).as_str().contains("Zebra"));
        prop_assert!(!plain(&text).contains("Zebra"));
        prop_assert!(!excerpt(&text, 10_000).contains("Zebra"));
    }

    #[test]
    fn ammonia_finds_nothing_to_remove(text in texts()) {
        judge::check_safe(&text);
    }

    #[test]
    fn a_glance_is_its_parts(text in texts()) {
        let glance = glance(&text, 80);
        prop_assert_eq!(glance.plain, plain(&text));
        prop_assert_eq!(glance.excerpt, excerpt(&text, 80));
        prop_assert_eq!(glance.words, words(&text));
        prop_assert_eq!(glance.has_marked_spoilers, has_marked_spoilers(&text));
    }

    #[test]
    fn excerpts_have_one_line_and_their_size(text in texts(), chars_max in 0_usize..100) {
        let excerpt = excerpt(&text, chars_max);
        prop_assert!(excerpt.chars().count() <= chars_max, "{}", excerpt);
        prop_assert!(!excerpt.contains('\n'));
    }

    #[test]
    fn what_is_cut_fits_and_is_well_formed(text in texts(), bytes_max in 100_usize..600) {
        let whole = fediverse_html(&text, &PLACE);
        let cut = cut_at_paragraph(&whole, bytes_max, ("https://books.example/@ana/dune", "Read on"));
        prop_assert!(cut.as_str().len() <= bytes_max);
        prop_assert_eq!(without_attributes(cut.as_str()), html_again(cut.as_str()).replace("&nbsp;", "\u{a0}"));
        mastodon::check_survives(cut.as_str());
    }

    #[test]
    fn names_and_titles_never_hold_controls(name in any::<String>()) {
        prop_assert!(!clean_name(&name).contains(|c: char| c.is_control()));
        prop_assert!(!title_text(&name).contains(|c: char| c.is_control()));
        let _ = (hashtag(&name), xml_clean(&name), remote_text(&name, 50));
    }
}

/// Parsed and written by html5ever: HTML that is not well-formed or nests what cannot nest comes back different.
fn html_again(source: &str) -> String {
    without_attributes(&scraper::Html::parse_fragment(source).root_element().inner_html())
}

/// The parser keeps attributes in an order of its own.
fn without_attributes(html: &str) -> String {
    let mut parts = html.split('<');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (tag, text) = part.split_once('>').unwrap();
        out.push_str(&format!("<{}>{text}", tag.split(' ').next().unwrap()));
    }
    out
}
