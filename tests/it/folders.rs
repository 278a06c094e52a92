//! Folders as other programs keep them, served where they are: `tests/folders/KIND` with the outcome in `KIND.json`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::{Map, Value, json};

use crate::{
    commands::Home,
    every_kind::copy,
    peers::repository,
    world::{Setup, World},
};

const KINDS: [&str; 7] = ["jekyll", "hugo", "zola", "eleventy", "astro", "obsidian", "plain"];
/// What is left of a site generator's or notebook's own language where it is not understood.
const LEFTOVERS: [&str; 9] = ["{{", "{%", "{:", "[[", "%%", "import ", "export const", "]({", "&lt;Rating"];

/// Hidden files are not even mentioned; of packages it is said once more that they are no reviews.
const LEFT_BEHIND: [(&str, &str); 4] = [
    (".git/COMMIT_EDITMSG.md", "Review of Dune by Frank Herbert, 5/5"),
    (".trash/dune.md", "---\ntitle: Dune\nauthor: Frank Herbert\n---\nThrown away."),
    ("node_modules/some-package/HISTORY.md", "# 1.0.0\n"),
    ("node_modules/some-package/review.md", "---\ntitle: Dune\nauthor: Frank Herbert\nrating: 5\n---\nx\n"),
];

fn sample(kind: &str) -> PathBuf {
    repository().join("tests/folders").join(kind)
}

/// The outcome that is expected of a folder: what `check` says of it, and how many pictures each page shows.
fn expected(kind: &str) -> Value {
    let text = std::fs::read_to_string(repository().join(format!("tests/folders/{kind}.json"))).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{kind}.json: {error}"))
}

/// A copy of a folder to work in, with what the programs that made it leave in such folders and git does not keep.
fn lay_out(kind: &str, folder: &Path) {
    copy(&sample(kind), folder);
    for (name, text) in LEFT_BEHIND {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// The same with settings that name it.
fn home(kind: &str) -> Home {
    let home = Home::new("");
    lay_out(kind, &home.path("reviews"));
    home
}

/// The report of a check in the form of the expectation.
fn outcome(report: &Value) -> Value {
    let list = |name: &str| report[name].as_array().unwrap_or_else(|| panic!("{name} in {report}")).clone();
    let taken: BTreeMap<String, Value> =
        list("files").into_iter().map(|file| (file["file"].as_str().unwrap().to_owned(), file)).collect();
    let mut reviews = Map::new();
    for review in list("reviews") {
        let file = review["file"].as_str().unwrap();
        let rating = &review["rating"];
        let out_of = (!rating.is_null()).then(|| format!("{}/{}", rating["value"], rating["best"]).replace(".0", ""));
        reviews.insert(
            file.to_owned(),
            json!({
                "title": review["title"], "authors": review["authors"], "rating": out_of, "date": review["date"],
                "slug": review["slug"], "taken_for": taken[file]["taken_for"], "form": taken[file]["form"],
                "ignored": taken[file]["ignored"],
            }),
        );
    }
    let mut skipped = Map::new();
    for file in list("skipped") {
        skipped.insert(file["file"].as_str().unwrap().to_owned(), file["why"].clone());
    }
    for (name, _) in LEFT_BEHIND {
        match name.starts_with('.') {
            true => assert!(!skipped.contains_key(name) && !reviews.contains_key(name), "{name}"),
            false => assert_eq!(skipped.remove(name).unwrap(), "part of a site's machinery, not a review", "{name}"),
        }
    }
    json!({
        "kind": report["folders"][0]["kind"], "scale": report["folders"][0]["scale"], "reviews": reviews,
        "skipped": skipped, "duplicates": report["duplicates"], "problems": report["problems"],
    })
}

#[tokio::test]
async fn a_check_says_what_each_file_of_every_kind_of_folder_was_taken_for() {
    for kind in KINDS {
        let mut wanted = expected(kind);
        wanted.as_object_mut().unwrap().remove("pictures");
        let report = home(kind).json(&["check", "--json"]).await;
        let got = outcome(&report);
        assert_eq!(got, wanted, "{kind} was read otherwise:\n{got:#}");
        let (reviews, skipped) = (got["reviews"].as_object().unwrap(), got["skipped"].as_object().unwrap());
        assert!(reviews.keys().all(|file| !skipped.contains_key(file)), "{kind}");
    }
}

/// Every file and directory of a folder with its content and the time of its last change.
fn state(root: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut state = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            let bytes = if metadata.is_dir() { Vec::new() } else { std::fs::read(&path).unwrap() };
            if metadata.is_dir() {
                directories.push(path.clone());
            }
            state.insert(path, (bytes, metadata.modified().unwrap()));
        }
    }
    state
}

#[tokio::test]
async fn every_kind_of_folder_is_served_in_place_and_not_a_byte_of_it_changes() {
    for kind in KINDS {
        let wanted = expected(kind);
        let mut world = World::prepare(Setup::default());
        lay_out(kind, &world.folder());
        let before = state(&world.folder());
        world.start().await;
        world.look().await;
        world.settle().await;
        assert!(world.told().await.is_empty(), "{kind}: a folder that was there before is adopted quietly");

        let reviews = wanted["reviews"].as_object().unwrap();
        let shown = reviews.values().filter(|review| review["taken_for"] == "review");
        let shown: BTreeSet<&str> = shown.map(|review| review["slug"].as_str().unwrap()).collect();
        let feed = world.feed().await;
        let served: BTreeSet<&str> = feed.iter().filter_map(|item| item.url.rsplit('/').next()).collect();
        assert_eq!(served, shown, "{kind}");
        for slug in shown {
            let page = world.page(&format!("/@ana/{slug}")).await;
            let pictures = page.matches("<img ").count();
            assert_eq!(json!(pictures), wanted["pictures"][slug], "{kind}: pictures of {slug}");
            let text =
                page.split("e-content").nth(1).and_then(|rest| rest.split("</article>").next()).unwrap_or_default();
            for sign in LEFTOVERS {
                assert!(!text.contains(sign), "{kind}: {slug} shows {sign}: {text}");
            }
        }
        assert_eq!(state(&world.folder()), before, "{kind} was changed");
        world.stop().await;
        assert_eq!(state(&world.folder()), before, "{kind} was changed");
    }
}

#[tokio::test]
async fn in_the_directory_of_the_reviews_itself_every_text_is_one() {
    let home = Home::new("");
    copy(&sample("hugo").join("content/posts"), &home.path("reviews"));
    let report = home.json(&["check", "--json"]).await;
    assert_eq!(report["folders"][0]["kind"], "reviews");
    assert_eq!(report["reviews"][0]["title"], "A new bicycle");
}

#[tokio::test]
async fn a_check_tells_people_the_kind_the_scale_the_keys_and_the_doubles() {
    let hugo = home("hugo").run(&["check"]).await;
    for line in [
        "reviews is a Hugo site",
        "2 ratings without a scale are read as out of 5",
        "params.rating as rating 3",
        "keys ignored: weight 1 (content/reviews/dune/index.md)",
        "passed over, a section page, not a review: content/_index.md, content/reviews/_index.md",
        "3 reviews, 0 answers, 16 files passed over, 0 errors, 0 warnings",
    ] {
        assert!(hugo.out.contains(line), "{line}: {hugo}");
    }
    let plain = home("plain").run(&["check"]).await;
    let double = "Stoner by John Williams is reviewed 2 times: 2020/stoner.md, 2024/stoner-again.md";
    assert!(plain.out.contains(double), "{plain}");
}

#[tokio::test]
async fn explain_says_where_each_value_came_from() {
    let home = home("jekyll");
    let file = "reviews/_posts/2023-04-02-the-left-hand-of-darkness.md";
    let told = home.json(&["check", "--explain", file, "--json"]).await;
    assert_eq!((&told["taken_for"], &told["why"]), (&json!("review"), &Value::Null));
    let facts = told["facts"].as_array().unwrap();
    for (what, value, from) in [
        ("form", "Markdown with a YAML header", "the file"),
        ("title", "The Left Hand of Darkness", "`title` on line 3"),
        ("reviewer", "ana", "`author` on line 7"),
        ("authors", "Ursula K. Le Guin", "the title"),
        ("rating", "4.5", "`rating` on line 9"),
        ("rating scale", "5", "3 bare ratings in the folder"),
        ("tags", "science fiction, winter, reviews, books", "`tags` on line 6, `categories` on line 5"),
        ("slug", "the-left-hand-of-darkness", "the file's name"),
    ] {
        assert!(facts.contains(&json!({ "what": what, "value": value, "from": from })), "{what}: {facts:#?}");
    }
    assert_eq!(told["ignored"], json!(["`layout` on line 2", "`permalink` on line 10"]));

    let shown = home.run(&["check", "--explain", file]).await;
    assert!(shown.code == 0 && shown.out.contains("is taken for a review"), "{shown}");
    let walk = home.run(&["check", "--explain", "reviews/_posts/2022-12-24-a-christmas-walk.md"]).await;
    assert!(walk.out.contains("is taken for not a review: nothing says that it is a review"), "{walk}");
    for wrong in ["reviews", "reviews/nothing.md"] {
        let output = home.run(&["check", "--explain", wrong]).await;
        assert!(output.code == 1 && !output.err.is_empty(), "{wrong}: {output}");
    }
}

#[tokio::test]
async fn explain_names_the_mistake_in_a_file_that_cannot_be_read() {
    let home = home("plain");
    std::fs::write(home.path("reviews/broken.md"), "---\ntitle: The Desert: A Novel\n---\n\nx\n").unwrap();
    let output = home.run(&["check", "--explain", "reviews/broken.md"]).await;
    assert!(output.code == 1 && output.out.contains("not readable as it stands"), "{output}");
    assert!(output.err.contains("broken.md:2:18: error: "), "{output}");
}
