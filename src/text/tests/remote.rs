use super::*;

fn check(source: &str, expected: &str) {
    assert_eq!(remote_html(source).as_str(), expected, "{source}");
}

#[test]
fn posts_of_strangers_keep_their_form_and_lose_their_teeth() {
    check("<p>Hi <b>there</b></p>", "<p>Hi <strong>there</strong></p>");
    check("<h1>Loud</h1>", "<p><strong>Loud</strong></p>");
    check("<p style=\"position:fixed\" onclick=\"x()\" id=\"main\" class=\"nav\">a</p>", "<p>a</p>");
    check("<p>a<img src=\"https://t.example/pixel.gif\" alt=\":blob:\">b</p>", "<p>a:blob:b</p>");
    check("<script>alert(1)</script><p>a</p><style>*{}</style><iframe src=x></iframe>", "<p>a</p>");
    check("<a href=\"javascript:alert(1)\">a</a>", "<p>a</p>");
    check("<a href=\"/admin\">a</a>", "<p>a</p>");
    check("no markup", "<p>no markup</p>");
    check("", "");
    check("<svg><script>alert(1)</script></svg><math><mi>x</mi></math>", "");
}

#[test]
fn links_of_strangers_are_marked_and_show_where_they_lead() {
    check(
        "<a href=\"https://a.example/x\" target=\"_blank\" rel=\"me\">x</a>",
        "<p><a href=\"https://a.example/x\" rel=\"nofollow noopener ugc\">x</a></p>",
    );
    check(
        "<a href=\"https://a.example/tags/sf\" class=\"mention hashtag evil\" rel=\"tag\">#<span>sf</span></a>",
        "<p><a href=\"https://a.example/tags/sf\" class=\"mention hashtag\" rel=\"nofollow noopener ugc\">#sf</a></p>",
    );
    check(
        "<a href=\"https://a.example/long\"><span class=\"invisible\">https://</span><span class=\"ellipsis\">a.example/lo</span><span class=\"invisible\">ng</span></a>",
        "<p><a href=\"https://a.example/long\" rel=\"nofollow noopener ugc\"><span class=\"invisible\">https://</span>\
         <span class=\"ellipsis\">a.example/lo</span><span class=\"invisible\">ng</span></a></p>",
    );
}

#[test]
fn a_link_cannot_pretend_to_lead_elsewhere() {
    check(
        "<a href=\"https://evil.example/\"><span class=\"invisible\">https://evil.example/?</span>bank.example</a>",
        "<p><a href=\"https://evil.example/\" rel=\"nofollow noopener ugc\">https://evil.example/?bank.example</a></p>",
    );
    check(
        "<a href=\"https://evil.example/\">bank.example/login</a>",
        "<p><a href=\"https://evil.example/\" rel=\"nofollow noopener ugc\">bank.example/login</a> [evil.example]</p>",
    );
    check(
        "<a href=\"https://www.bank.example/login\">bank.example/login</a>",
        "<p><a href=\"https://www.bank.example/login\" rel=\"nofollow noopener ugc\">bank.example/login</a></p>",
    );
    check("<p>a&#x202E;b&#8203;c</p>", "<p>abc</p>");
}

#[test]
fn long_posts_are_cut_at_a_paragraph() {
    let paragraph = format!("<p>{}</p>", "word ".repeat(500).trim());
    let shown = remote_html(&paragraph.repeat(10));
    assert_eq!(shown.as_str().matches("<p>").count(), 5);
    assert!(shown.as_str().ends_with("<p>…</p>"));
    let shown = remote_html(&"x".repeat(50_000));
    assert_eq!(shown.as_str().chars().count(), "<p>".len() + 10_000 + "…</p>".chars().count());
}
