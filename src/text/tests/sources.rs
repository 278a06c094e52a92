use super::*;

#[test]
fn plain_text_keeps_paragraphs_and_line_breaks_and_links_addresses() {
    fn check(source: &str, expected: &str) {
        check_page(&Text::new(Format::Plain, source), expected);
    }
    check("One\ntwo\n\n\n  Three  \r\n", "<p>One<br>two</p><p>Three</p>");
    check("# not *a* heading <b>", "<p># not *a* heading &lt;b&gt;</p>");
    check(
        "See (https://a.example/x_(y)), or http://b.example.",
        "<p>See (<a href=\"https://a.example/x_(y)\" rel=\"noopener\">https://a.example/x_(y)</a>), \
         or <a href=\"http://b.example/\" rel=\"noopener\">http://b.example</a>.</p>",
    );
    check("http:// and https nothing", "<p>http:// and https nothing</p>");
    check("\u{a0}\n\u{a0}\n", "");
}

#[test]
fn shortcodes_become_what_they_mean() {
    check_page(
        &markdown("{{< youtube dQw4w9WgXcQ >}}"),
        "<p><a href=\"https://youtu.be/dQw4w9WgXcQ\" rel=\"noopener\">https://youtu.be/dQw4w9WgXcQ</a></p>",
    );
    check_page(&markdown("a {{< unknown x >}}b{{< /unknown >}} c"), "<p>a b c</p>");
    check_page(&markdown("![a]({{ site.baseurl }}/x.png) {% include stars.html stars=4.5 %}"), "<p>a ★★★★½</p>");
    check_page(
        &markdown("![C]({{ \"cover.jpg\" | relative_url }})"),
        &page_html(&markdown("![C](cover.jpg)"), &PLACE).to_string(),
    );
    check_page(
        &markdown("{{< figure src=\"cover.jpg\" >}}"),
        &page_html(&markdown("![](cover.jpg)"), &PLACE).to_string(),
    );
    check_page(&markdown("x\n{: .lead}\n\n## Plot {#plot}\n"), "<p>x</p><h2>Plot</h2>");
    check_page(&markdown("{% comment %}gone{% endcomment %}kept {{ page.title }}"), "<p>kept</p>");
    check_page(&markdown("{% raw %}{{x}}{% endraw %}y"), "<p>y</p>");
    check_page(
        &markdown("{% highlight c %}\na < b\n{% endhighlight %}\n"),
        "<pre><code class=\"language-c\">a &lt; b\n</code></pre>",
    );
    check_page(
        &markdown("{{< collapse summary=\"More\" >}}\nin *it*\n{{< /collapse >}}"),
        "<details><summary>More</summary><p>in <em>it</em></p></details>",
    );
    check_page(
        &markdown("`{{< x >}}` and\n\n```\n{% y %} <!-- z -->\n```\n"),
        "<p><code>{{&lt; x &gt;}}</code> and</p><pre><code>{% y %} &lt;!-- z --&gt;\n</code></pre>",
    );
    check_page(
        &markdown("import X from './x'\n\nexport const a = {\n  b: 1,\n}\n\nText {/* c */}here"),
        "<p>Text here</p>",
    );
    check_page(
        &markdown("import duties rose\n\nexport trade fell"),
        "<p>import duties rose</p><p>export trade fell</p>",
    );
    check_page(&markdown("a <!-- b\n\nc --> d %%e%% f 5%% g 6%% h"), "<p>a  d  f 5%% g 6%% h</p>");
    check_page(&markdown("The end. ^a1b2c3\n\nx ^n, y^abcd, 10 ^2"), "<p>The end.</p><p>x ^n, y^abcd, 10 ^2</p>");
    check_page(
        &html("{% include x %}<p>a [caption id=\"1\"]<img src=\"cover.jpg\"> words[/caption]</p>"),
        "<p>a</p><figure><img src=\"https://books.example/media/abc.jpg\" alt=\"\" width=\"400\" height=\"600\" loading=\"lazy\" decoding=\"async\"><figcaption>words</figcaption></figure>",
    );
}

#[test]
fn html_of_every_age_is_understood() {
    check_page(&html("One<br/><br/>Two<br>three"), "<p>One</p><p>Two<br>three</p>");
    check_page(&html("One\n\nTwo <b>x</b>"), "<p>One</p><p>Two <strong>x</strong></p>");
    check_page(&html("<center><font color=red>A</font></center><p>B<p>C"), "<p>A</p><p>B</p><p>C</p>");
    check_page(&html("<span><p>a</p></span><b>x<div>y</div></b>"), "<p>a</p><p>x</p><p>y</p>");
    check_page(&html("<dl><dt>T</dt><dd>D</dd></dl>"), "<p><strong>T</strong></p><p>D</p>");
    check_page(&html("<h3>A</h3><h4>B</h4>"), "<h2>A</h2><h3>B</h3>");
    check_page(
        &html("<ul><li>a<ul><li>b</li></ul></li><ul><li>c</li></ul></ul>"),
        "<ul><li>a<ul><li>b</li></ul><ul><li>c</li></ul></li></ul>",
    );
    check_page(
        &html("<table><caption>T</caption><tr><th>A</th></tr><tr><td><p>1</p><p>2</p></td></tr></table>"),
        "<figure><table><thead><tr><th scope=\"col\">A</th></tr></thead><tbody><tr><td>1<br>2</td></tr></tbody></table><figcaption>T</figcaption></figure>",
    );
    check_page(
        &html("<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>"),
        "<p><ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby></p>",
    );
    check_page(&html("<pre>a\n  b</pre>"), "<pre><code>a\n  b</code></pre>");
    check_page(&html("<a href=\"#\">x</a><a name=\"top\">y</a>"), "<p>xy</p>");
    check_page(
        &html(
            "<p>x<sup id=\"fnref:1\"><a href=\"#fn:1\" class=\"footnote\">1</a></sup></p><div class=\"footnotes\"><ol><li id=\"fn:1\"><p>N <a href=\"#fnref:1\" class=\"reversefootnote\">↩</a></p></li></ol></div>",
        ),
        &page_html(&markdown("x[^1]\n\n[^1]: N"), &PLACE).to_string(),
    );
    check_page(
        &html("<form><input><button>Send</button></form><nav>N</nav><video src=\"https://a.example/v.mp4\">no</video>"),
        "<p>N</p><p><a href=\"https://a.example/v.mp4\" rel=\"noopener\">Video</a></p>",
    );
}

#[test]
fn markdown_reads_the_same_with_and_without_html_in_it() {
    for source in [
        "# A\n\nB *c* **d** ~~e~~ `f  g` [h](https://h.example) <https://i.example>\nsoft  \nhard\\\nbreak",
        "- a\n- b\n  - c\n\n1. x\n2. y\n\n5) five",
        "- a\n\n  b\n- c",
        "> q\n>\n> r\n\n---\n\n    code  block\n\n```rust ignore\nx < y\n```",
        "| a | *b* |\n|:--|--:|\n| 1 |\n| 2 | 3 |",
        "- [x] done\n- [ ] open\n\nx ==marked== y",
        "N[^a] M[^b] N[^a]\n\n[^a]: one\n\n    two\n[^b]: `three`",
        "![Cover *x*](cover.jpg \"T\") [![C](cover.jpg)](https://l.example)",
        "a &amp; b &lt; c &copy; \\* ||hidden *x*|| é",
        "www.a.example and a@b.example",
    ] {
        let (direct, through_html) = (markdown(source), markdown(&format!("{source}\n\n<p></p>")));
        check_page(&through_html, page_html(&direct, &PLACE).as_str());
        assert_eq!(plain(&through_html), plain(&direct));
    }
}

#[test]
fn excerpts_are_the_first_words() {
    fn check(source: &str, chars_max: usize, expected: &str) {
        assert_eq!(excerpt(&markdown(source), chars_max), expected, "{source}");
    }
    check("# Dune\n\n![Cover](cover.jpg)\n\nA *long* book, and a good one.", 100, "A long book, and a good one.");
    check("A *long* book, and a good one.", 13, "A long book…");
    check("# Only a heading", 100, "Only a heading");
    check("One two three four five six.\n\n<!--more-->\n\nSeven.", 100, "One two three four five six.");
    check("Short.\n\n<!-- more -->\n\nSeven eight.", 100, "Short. Seven eight.");
    check("日本語の文章はここにあります", 8, "日本語の文章は…");
    check("One[^1].\n\n[^1]: Two", 100, "One.");
    check("", 100, "");
    check("Supercalifragilistic", 5, "Supe…");
    check("a", 0, "");
}

#[test]
fn markdown_for_neodb_is_plain_commonmark() {
    fn check(text: &Text, expected: &str) {
        assert_eq!(markdown_source(text), expected);
    }
    check(
        &html("<h2>A</h2><p>B <em>c</em> <a href=\"https://d.example/(x)\">d</a></p>"),
        "## A\n\nB *c* [d](https://d.example/%28x%29)",
    );
    check(&Text::new(Format::Plain, "1984. A year\n* star\n\n# hash"), "1984\\. A year\\\n\\* star\n\n\\# hash");
    check(&markdown("- a\n  - b\n- [x] c"), "- a\n  - b\n- [x] c");
    check(&markdown("> q\n\n```\n`` ` ``\n```"), "> q\n\n```\n`` ` ``\n```");
    check(&markdown("[r](../hyperion.md) ![g](gone.png)"), "r g");
}

#[test]
fn markdown_for_neodb_means_the_same() {
    for source in [
        "# A\n\nB *c* **d** `e` [f](https://f.example/)\n\n- g\n- h\n\n1. i\n2. j\n\n> k\n\n---\n\n| l | m |\n|---|---|\n| 1 | 2 |",
        "a\\\nb\n\n```\ncode\n```\n\nx[^1]\n\n[^1]: note",
        "\\*not\\* \\_em\\_ \\[x\\] &lt;b&gt;",
    ] {
        let text = markdown(source);
        check_page(&markdown(&markdown_source(&text)), page_html(&text, &PLACE).as_str());
    }
}
