//! Inputs that were made, or happen, to keep parsers busy or to overflow their stack. Finishing is the test: without
//! the limits several of these take minutes or abort the process.

use super::*;

/// Bytes. Enough for what is quadratic to be felt, little enough for a debug build.
const SIZE: usize = 8 * 1024;

fn repeated(unit: &str, bytes: usize) -> String {
    unit.repeat(bytes / unit.len())
}

fn nested(open: &str, close: &str, times: usize) -> String {
    format!("{}x{}", open.repeat(times), close.repeat(times))
}

fn check_all_formats(source: &str) {
    for format in [Format::Markdown, Format::Html, Format::Plain] {
        let text = Text::new(format, source);
        let _ = (page_html(&text, &PLACE), fediverse_html(&text, &PLACE), glance(&text, 200));
    }
    let _ = (remote_html(source), title_text(source), clean_name(source));
}

#[test]
fn repeated_signs_are_read_in_time() {
    let units = [
        ">",
        "> ",
        "- ",
        "* ",
        "+ ",
        "1. ",
        "[",
        "![",
        "[[",
        "]",
        "[a](",
        "[a][",
        "[^a]",
        "[^",
        "*",
        "**",
        "*a",
        "*a ",
        "_",
        "_a ",
        "~",
        "~~",
        "`",
        "``a",
        "|",
        "||",
        "| a ",
        "&",
        "&amp",
        "&#x",
        "<",
        "<a",
        "<a ",
        "<a href=\"",
        "<div>",
        "<b>",
        "<p>",
        "<span>",
        "</",
        "</b>",
        "<!",
        "<!--",
        "<![CDATA[",
        "<?",
        "<table>",
        "<table><tr><td>",
        "<td>",
        "<li>",
        "<ul><li>",
        "<font color=a>",
        "<a b>",
        "<select>",
        "<svg>",
        "<math>",
        "<details>",
        "<spoiler>",
        "</spoiler>",
        "[spoiler]",
        ">!",
        "!<",
        "{{<",
        "{{< a >}}",
        "{{< highlight >}}",
        "{%",
        "{% raw %}",
        "{{",
        "{:",
        "{#",
        "{/*",
        "%%",
        "\\",
        "#",
        "=",
        "==",
        "-",
        ":",
        "http://",
        "www.",
        "a@",
        "a@a.a ",
        "\n",
        "\r",
        "\t",
        " ",
        "\u{0}",
        "\u{200b}",
        "é",
        "*_",
        "[](",
        "<http://",
        "$",
        "~~~\n",
        "```\n",
        "<script>",
        "<style>",
        "<spoiler>a\n\n",
        "|| a\n\n",
        "<span class=spoiler>",
        "[caption ",
        "import ",
        "<textarea>",
        "<plaintext>",
        "<template>",
        "<frameset>",
        "<noscript>",
        "<body a=b>",
        "<object>",
        "<button>",
        "<ruby><rt>",
    ];
    for unit in units {
        check_all_formats(&repeated(unit, SIZE));
    }
}

#[test]
fn deep_nesting_is_cut_and_not_followed() {
    let pairs = [
        ("<div>", "</div>"),
        ("<b>", "</b>"),
        ("<span>", "</span>"),
        ("<blockquote>", "</blockquote>"),
        ("<a><b>", "</b></a>"),
        ("<ul><li>", "</li></ul>"),
        ("<table><tr><td>", "</td></tr></table>"),
        ("<details>", "</details>"),
        ("[", "](a)"),
        ("![", "](a)"),
        ("**", "**"),
        ("*", "*"),
        ("**a *b ", "* **"),
        ("~~", "~~"),
        ("||", "||"),
        ("(", ")"),
        ("<p><b>", "</b></p>"),
        ("<button><p>", "</p></button>"),
        ("<object><div>", "</div></object>"),
        ("[a", "][b]"),
        ("<spoiler>", "</spoiler>"),
    ];
    for (open, close) in pairs {
        check_all_formats(&nested(open, close, 3_000));
        check_all_formats(&nested(open, close, 60));
    }
}

#[test]
fn deep_lists_and_wide_tables_are_plain_text() {
    let staircase: String = (0..700).map(|level| format!("{}- a\n", "\t".repeat(level))).collect();
    check_all_formats(&staircase);
    let staircase: String = (0..300).map(|level| format!("{}- a\n", " ".repeat(level * 2))).collect();
    check_all_formats(&staircase);
    let wide = format!("{}\n{}\n{}", repeated("|a", 4_000), repeated("|-", 4_000), "|\n".repeat(20_000));
    check_all_formats(&wide);
    let notes: String = (0..5_000).map(|n| format!("[^{n}]\n\n[^{n}]: [^{n}]\n\n")).collect();
    check_all_formats(&notes);
    let references = format!("[a]: {}\n\n{}", "x".repeat(4_000), repeated("[a] ", SIZE));
    check_all_formats(&references);
    let ticks: String = (1..350).map(|n| format!("{} ", "`".repeat(n))).collect();
    check_all_formats(&ticks);
}

#[test]
fn a_megabyte_in_one_line_is_read_as_it_stands() {
    let text = markdown(&repeated("word ", 1 << 20));
    assert_eq!(words(&text), (1 << 20) / 5);
    assert!(page_html(&text, &PLACE).as_str().starts_with("<p>word word"));
    assert_eq!(excerpt(&text, 12), "word word…");
    let _ = remote_html(&repeated("<span>", 2 << 20));
    let _ = remote_html(&repeated("a", 2 << 20));
}

#[test]
fn beyond_the_limits_a_text_keeps_its_words_and_hides_all_where_it_marks_spoilers() {
    let deep = format!("{} He reads.\n\nShe writes.", ">".repeat(500));
    check_page(&markdown(&deep), &format!("<p>{} He reads.</p><p>She writes.</p>", "&gt;".repeat(500)));
    let deep = format!("{}A &amp; B{}<p>C", "<div>".repeat(500), "</div>".repeat(500));
    check_page(&html(&deep), "<p>A &amp; B</p><p>C</p>");
    let deep = format!("{} ||He dies||", ">".repeat(500));
    check_feed(
        &markdown(&deep),
        "<p><a href=\"https://books.example/@ana/dune\">[Spoiler: read it on the page]</a></p>",
    );
}
