use super::*;

fn shown(src: &str) -> Option<Shown> {
    (src == "cover.jpg").then(|| Shown {
        url: "https://books.example/media/abc.jpg".to_owned(),
        width: 400,
        height: 600,
    })
}

const PLACE: Place<'static> = Place { page: "https://books.example/@ana/dune", picture: &shown };

fn markdown(source: &str) -> Text {
    Text::new(Format::Markdown, source)
}

fn check_page(source: &str, expected: &str) {
    assert_eq!(page_html(&markdown(source), &PLACE).as_str(), expected, "{source}");
}

fn check_feed(source: &str, expected: &str) {
    assert_eq!(feed_html(&markdown(source), &PLACE).as_str(), expected, "{source}");
}

fn check_fediverse(source: &str, expected: &str) {
    assert_eq!(fediverse_html(&markdown(source), &PLACE).as_str(), expected, "{source}");
}

#[test]
fn dump() {
    for source in [
        "# Plot\n\nA *b* **c** ~~d~~ `e` ||f|| [g](#plot) https://x.example.\n\n- [x] done\n- [ ] open\n\n## Deeper\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nNote[^1] again[^1].\n\n[^1]: The note.\n\n---\n\n![Cover](cover.jpg) ![x](https://p.example/x.jpg) ![gone](gone.jpg)\n\n```rust\nfn <main>\n```\n\n1. one\n\n   two\n2. three\n",
        "Intro <cite>Dune</cite>.\n\n<spoiler>He dies.\n\nAnd lives.</spoiler> After.\n\n## Spoilers ahead\n\nSecret\n\n### Sub\n\nMore\n\n## Verdict\n\nGood[^a]\n\n[^a]: Note with `code`\n",
        "{{< figure src=\"cover.jpg\" alt=\"C\" caption=\"The cap\" >}}\n\n{{< spoiler >}}x{{< /spoiler >}} [r]({{< ref \"hyperion.md\" >}}) [[Page|label]]\n\n<!--more-->\n\n{% highlight ruby %}\nputs 1 < 2\n{% endhighlight %}\n\n<details><summary>More</summary>\n\ninside *it*\n\n</details>\n\n<script>alert(1)</script>end <img src=cover.jpg onerror=x> <b onclick=y>bold</b>\n\n>! neo\n\n> [!spoiler]- T\n> hidden\n",
    ] {
        let text = markdown(source);
        println!(
            "=====\n{source}\n--page\n{}\n--feed\n{}\n--fedi\n{}\n--plain\n{}\n--ex {}\n--words {} {}\n--md\n{}",
            page_html(&text, &PLACE),
            feed_html(&text, &PLACE),
            fediverse_html(&text, &PLACE),
            plain(&text),
            excerpt(&text, 100),
            words(&text),
            has_marked_spoilers(&text),
            markdown_source(&text)
        );
    }
}
