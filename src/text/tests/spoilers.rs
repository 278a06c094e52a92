use super::*;

/// What every way of marking must do with "Zebra": folded on the page, absent from feed, plain text and excerpt,
/// counted as words, marked in the post.
fn check_hidden(text: &Text) {
    assert!(has_marked_spoilers(text), "{}", text.source);
    let page = page_html(text, &PLACE).to_string();
    let folded = page.find("<details class=\"spoiler").expect("a folded passage");
    let end = page.rfind("</details>").unwrap();
    assert!((folded..end).contains(&page.find("Zebra").unwrap()), "{page}");
    for open in [feed_html(text, &PLACE).to_string(), plain(text), excerpt(text, 1000)] {
        assert!(!open.contains("Zebra"), "{} leaked into {open}", text.source);
        assert!(open.contains("Before"), "{} lost its beginning in {open}", text.source);
    }
    let post = fediverse_html(text, &PLACE).to_string();
    assert!(post.contains("Zebra") && post.to_lowercase().contains("[spoiler"), "{post}");
    mastodon::check_survives(&post);
    assert!(markdown_source(text).contains(">! "), "{}", markdown_source(text));
    assert!(feed_html(text, &PLACE).as_str().contains("[Spoiler: read it on the page]"));
}

#[test]
fn every_way_of_marking_a_spoiler_hides_it() {
    for source in [
        "Before <spoiler>Zebra</spoiler> After",
        "Before <SPOILER>Zebra</SPOILER> After",
        "Before\n\n<spoiler>Zebra</spoiler>\n\nAfter",
        "Before <spoiler>one\n\nZebra</spoiler> After",
        "> Before <spoiler>one\n>\n> Zebra</spoiler> After",
        "- Before <spoiler>one\n\n  Zebra</spoiler> After\n- Next",
        "Before <spoiler>Zebra and the rest",
        "Before <span class=\"spoiler\">Zebra</span>",
        "Before <span class=\"spoiler\">one\n\nZebra <span>x</span> Zebra</span> After",
        "Before\n\n<div class=\"spoiler\">\n\nZebra *x*\n\n</div>\n\nAfter",
        "Before\n\n<p class=\"text spoilerText\">Zebra</p>",
        "Before ||Zebra|| After",
        "Before\n\n||Zebra||\n\nAfter",
        "Before\n\n||one\n\nZebra||\n\nAfter",
        "Before *it ||Zebra|| is* After",
        "Before {{< spoiler >}}Zebra{{< /spoiler >}} After",
        "Before\n\n{{< spoiler reason=\"major story\" >}}\nZebra\n\nmore\n{{< /spoiler >}}\n\nAfter",
        "Before {{% spoiler %}}Zebra{{% /spoiler %}}",
        "Before {% spoiler %}Zebra{% endspoiler %} After",
        "Before [spoiler]Zebra[/spoiler] After",
        "Before >!Zebra!< After",
        "Before\n\n>! Zebra\n>! and more\n\nAfter",
        "Before\n\n> [!spoiler]- Open me\n> Zebra\n\nAfter",
        "Before\n\n## Spoilers ahead\n\nZebra\n\n### Still\n\nmore\n\n## Verdict\n\nGood",
        "Before\n\nSpoilers\n--------\n\nZebra",
        "Before\n\n**SPOILERS AHEAD!**\n\nZebra",
        "Before\n\nSpoiler warning:\n\nZebra\n\nEnd of spoilers\n\nAfter",
        "Before\n\n<details><summary>Spoiler!</summary>\n\nZebra\n\n</details>",
        "Before\n\n<details class=\"spoiler\"><summary>Open</summary>Zebra</details>",
        "Before <a class=\"jsShowSpoiler spoilerAction\">(view spoiler)</a><span class=\"spoilerContainer\" style=\"display:none\">[Zebra <a class=\"jsHideSpoiler spoilerAction\">(hide spoiler)</a>]</span>",
        "Before\n\n| a | b |\n|---|---|\n| <spoiler>Zebra</spoiler> | c |",
        "Before <spoiler>x[^1]</spoiler>\n\n[^1]: Zebra",
        "Before <b><spoiler>Zebra</spoiler></b>",
    ] {
        check_hidden(&markdown(source));
    }
    for source in [
        "<p>Before</p><p><spoiler>Zebra</spoiler></p>",
        "<p>Before <spoiler>Zebra</spoiler></p>",
        "Before<br/><br/><spoiler>Zebra<br/><br/>more</spoiler> After",
        "<h2>Before</h2><p>Before</p><h2>Spoilers</h2><p>Zebra</p>",
        "<p>Before</p><div class=\"spoiler\"><p>Zebra</p></div>",
    ] {
        check_hidden(&html(source));
    }
    for source in ["Before <spoiler>Zebra</spoiler> After", "Before\n\nSPOILERS AHEAD\n\nZebra"] {
        check_hidden(&Text::new(Format::Plain, source));
    }
}

#[test]
fn speaking_of_spoilers_marks_none() {
    for source in [
        "This review is spoiler-free.",
        "## Spoiler-free thoughts\n\nGood.",
        "No spoilers!\n\nGood.",
        "I will not spoil it: a || b is an operator.",
        "`||x||` and `<spoiler>` are code",
        "```\n<spoiler>\n||a||\n```",
        "Mild spoilers in this sentence, but it is a sentence about how I liked the book.",
        "<div class=\"spoiler-free\">Good</div>",
    ] {
        assert!(!has_marked_spoilers(&markdown(source)), "{source}");
    }
}

#[test]
fn the_words_around_a_spoiler_stay_whole() {
    check_page(
        &markdown("The butler ||did it|| gladly."),
        "<div class=\"paragraph\">The butler <details class=\"spoiler inline\"><summary>Spoiler</summary>did it</details> \
         gladly.</div>",
    );
    check_feed(
        &markdown("The butler ||did it|| gladly."),
        "<p>The butler <a href=\"https://books.example/@ana/dune\">[Spoiler: read it on the page]</a> gladly.</p>",
    );
    check_fediverse(&markdown("The butler ||did it|| gladly."), "<p>The butler [Spoiler: did it] gladly.</p>");
    assert_eq!(plain(&markdown("The butler ||did it|| gladly.")), "The butler … gladly.");
    assert_eq!(markdown_source(&markdown("The butler ||did it|| gladly.")), "The butler >! did it !< gladly.");
    assert_eq!(words(&markdown("The butler ||did it|| gladly.")), 5);
}

#[test]
fn a_footnote_of_a_spoiler_is_hidden_with_it() {
    let text = markdown("Open[^1] and ||closed[^2]||.\n\n[^1]: For all.\n\n[^2]: For some.");
    assert!(!feed_html(&text, &PLACE).as_str().contains("For some"));
    assert!(feed_html(&text, &PLACE).as_str().contains("For all"));
    assert!(page_html(&text, &PLACE).as_str().contains("<summary>Spoiler</summary><p>For some.</p></details>"));
    assert_eq!(plain(&text), "Open and ….\n\nFor all.");
}
