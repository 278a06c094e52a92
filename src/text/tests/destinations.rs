use super::*;

#[test]
fn headings_stand_below_the_title_of_the_page() {
    check_page(&markdown("# A\n\n## B\n\n###### C"), "<h2>A</h2><h3>B</h3><h6>C</h6>");
    check_page(&markdown("## A\n\n#### B"), "<h2>A</h2><h4>B</h4>");
    check_feed(&markdown("# A\n\n## B"), "<h2>A</h2><h3>B</h3>");
    check_fediverse(&markdown("# A\n\n###### B"), "<p><strong>A</strong></p><p><strong>B</strong></p>");
}

#[test]
fn only_headings_that_are_linked_to_have_an_id() {
    check_page(
        &markdown("[go](#the-end)\n\n# The End!\n\n# The End!"),
        "<p><a href=\"#dune-h-the-end\" rel=\"noopener\">go</a></p><h2 id=\"dune-h-the-end\">The End!</h2><h2>The End!</h2>",
    );
    check_page(&html("<h2 id=\"main\">A</h2>"), "<h2>A</h2>");
    check_feed(&markdown("[go](#the-end)"), "<p><a href=\"https://books.example/@ana/dune#dune-h-the-end\">go</a></p>");
}

#[test]
fn footnotes_lead_there_and_back() {
    check_page(
        &markdown("a[^x]\n\n[^x]: b"),
        "<p>a<sup class=\"footnote-mark\" id=\"dune-fnref-1\"><a href=\"#dune-fn-1\" role=\"doc-noteref\">1</a></sup></p>\
         <section class=\"footnotes\" role=\"doc-endnotes\"><ol><li id=\"dune-fn-1\"><p>b</p>\
         <a href=\"#dune-fnref-1\" class=\"footnote-back\" aria-label=\"Back to the text\">↩</a></li></ol></section>",
    );
    check_feed(
        &markdown("a[^x]\n\n[^x]: b"),
        "<p>a<sup><a href=\"https://books.example/@ana/dune#dune-fn-1\">1</a></sup></p><hr><ol><li><p>b</p></li></ol>",
    );
    check_fediverse(&markdown("a[^x]\n\n[^x]: b"), "<p>a[1]</p><p>[1] b</p>");
}

#[test]
fn pictures_are_ours_or_links() {
    check_page(
        &markdown("![Cover](cover.jpg)"),
        "<p><img src=\"https://books.example/media/abc.jpg\" alt=\"Cover\" width=\"400\" height=\"600\" loading=\"lazy\" \
         decoding=\"async\"></p>",
    );
    check_page(
        &markdown("![A map](https://p.example/m.png)"),
        "<p><a href=\"https://p.example/m.png\" rel=\"noopener\">A map</a></p>",
    );
    check_page(
        &markdown("![](https://p.example/m.png)"),
        "<p><a href=\"https://p.example/m.png\" rel=\"noopener\">Picture</a></p>",
    );
    check_page(&markdown("![A map](m.png)"), "<p>A map</p>");
    check_page(
        &markdown("[![A map](https://p.example/m.png)](https://q.example)"),
        "<p><a href=\"https://q.example/\" rel=\"noopener\">A map</a></p>",
    );
    check_feed(
        &markdown("![Cover](cover.jpg)"),
        "<p><img src=\"https://books.example/media/abc.jpg\" alt=\"Cover\" width=\"400\" height=\"600\"></p>",
    );
    check_fediverse(
        &markdown("![Cover](cover.jpg) ![m](m.png)"),
        "<p><a href=\"https://books.example/media/abc.jpg\">🖼 Cover</a> m</p>",
    );
    check_fediverse(
        &markdown("[![Cover](cover.jpg)](https://q.example)"),
        "<p><a href=\"https://q.example/\">🖼 Cover</a></p>",
    );
}

#[test]
fn links_are_absolute_where_the_text_travels() {
    let text = markdown("[a](/about) [b](b.md) [c](mailto:c@c.example) [d](javascript:x) [e](//e.example)");
    check_feed(
        &text,
        "<p><a href=\"https://books.example/about\">a</a> <a href=\"https://books.example/@ana/b\">b</a> \
         <a href=\"mailto:c@c.example\">c</a> d <a href=\"https://e.example/\">e</a></p>",
    );
    check_fediverse(
        &text,
        "<p><a href=\"https://books.example/about\">a</a> <a href=\"https://books.example/@ana/b\">b</a> c d \
         <a href=\"https://e.example/\">e</a></p>",
    );
}

#[test]
fn the_fediverse_gets_lists_for_tables_and_boxes_for_tasks() {
    check_fediverse(
        &markdown("| Book | Stars |\n|---|---|\n| *Dune* | 5 |\n| Emma | |"),
        "<ul><li><strong>Book</strong>: <em>Dune</em><br><strong>Stars</strong>: 5</li><li><strong>Book</strong>: Emma</li></ul>",
    );
    check_fediverse(&html("<table><tr><td>a</td><td>b</td></tr></table>"), "<ul><li>a · b</li></ul>");
    check_fediverse(&markdown("- [x] a\n- [ ] b"), "<ul><li>☑ a</li><li>☐ b</li></ul>");
    check_fediverse(&markdown("a\n\n---\n\nb"), "<p>a</p><p>* * *</p><p>b</p>");
    check_fediverse(
        &html("<p><q>a</q> <kbd>b</kbd> <mark>c</mark> <cite>d</cite> <ins>e</ins> H<sub>2</sub></p>"),
        "<p>“a” <code>b</code> <strong>c</strong> <em>d</em> <u>e</u> H<sub>2</sub></p>",
    );
    check_fediverse(&html("<details><summary>S</summary>x</details>"), "<p><strong>S</strong></p><p>x</p>");
    check_fediverse(&markdown("one\ntwo"), "<p>one two</p>");
    check_fediverse(&markdown("3. c\n4. d"), "<ol start=\"3\"><li>c</li><li>d</li></ol>");
}

#[test]
fn a_long_post_is_cut_after_a_block_and_leads_to_the_rest() {
    let more = ("https://b.example/?a&b", "Read on");
    let link = "<p><a href=\"https://b.example/?a&amp;b\">Read on</a></p>";
    let check = |source: &str, bytes_max: usize, expected: &str| {
        let cut = cut_at_paragraph(&fediverse_html(&markdown(source), &PLACE), bytes_max + link.len(), more);
        assert_eq!(cut.as_str(), expected);
        assert!(cut.as_str().len() <= bytes_max + link.len());
    };
    let long = "x".repeat(200);
    check("one", 0, "<p>one</p>");
    check(&format!("one\n\n{long}"), 20, &format!("<p>one</p>{link}"));
    check(&format!("- one\n- {long}"), 40, &format!("<ul><li>one</li></ul>{link}"));
    check(&format!("one two {long}"), 20, &format!("<p>one two…</p>{link}"));
    check(&long, 20, link);
}
