//! A small site with reviews of every kind, and every page of it.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{
        Book, Card, Cover, Format, Handle, Isbn, Origin, Picture, Published, Rating, RemoteActor, Review, ReviewId,
        Reviewer, Series, Site, Slug, Text, reviewer::ProfileLink,
    },
    site::{
        Admirer, Answered, Archive, Conversation, Counted, Crowd, Door, FeedsPage, Listing, Paging, Person, Remark,
        ReviewPage, Shell, StatsPage, Target, Trouble, Way, archive, author, book, feeds, home, interact, profile,
        rating, review, search, statistics, stats, tag, trouble,
    },
    text::{self, Place, SafeHtml},
};

/// A site with its reviewers and what they published, newest first.
pub struct World {
    pub site: Site,
    pub reviewers: Vec<Reviewer>,
    pub published: Vec<Published>,
    /// Under every review but those without words, where nobody said anything.
    pub conversation: Conversation,
}

impl World {
    /// Ana and Boris, and a shelf of everything that reviews are made of.
    pub fn new() -> Self {
        let site = Site {
            origin: Origin::parse("https://books.example").unwrap(),
            title: "The Reading Lamp".into(),
            description: "Books read slowly, and talked about plainly".into(),
            language: "en-GB".into(),
            source_url: "https://code.example/reviewd".into(),
        };
        Self {
            site,
            reviewers: vec![reviewer("ana", "Ana Petrović"), reviewer("boris", "Boris Lind")],
            published: shelf(),
            conversation: conversation("Bob", "Spoilers for the end"),
        }
    }

    /// The same site where every word that a file or a setting can give is an attack.
    pub fn hostile(attack: &str) -> Self {
        let mut world = Self::new();
        world.site.title = attack.to_owned();
        world.site.description = attack.to_owned();
        world.site.source_url = format!("https://code.example/{attack}");
        world.conversation = conversation(attack, attack);
        for reviewer in &mut world.reviewers {
            reviewer.name = attack.to_owned();
            reviewer.bio = attack.to_owned();
            reviewer.links = vec![ProfileLink { name: attack.to_owned(), url: format!("https://x.example/{attack}") }];
        }
        for published in &mut world.published {
            let review = &mut published.review;
            review.book.title = attack.to_owned();
            review.book.authors = vec![attack.to_owned(); 2];
            review.book.publisher = Some(attack.to_owned());
            review.book.series = Some(Series { name: attack.to_owned(), position: Some(attack.to_owned()) });
            review.book.cover = Some(Cover { source: attack.to_owned(), alt: Some(attack.to_owned()) });
            review.headline = review.headline.as_ref().map(|_| attack.to_owned());
            review.body = Text::new(Format::Plain, attack);
            review.synopsis = Some(Text::new(Format::Plain, attack));
            review.summary = review.summary.as_ref().map(|_| attack.to_owned());
            review.tags = vec![attack.to_owned()];
            review.language = review.language.as_ref().map(|_| attack.to_owned());
            review.rating = Some(Rating { raw: attack.to_owned(), value: None, best: None });
        }
        world
    }

    pub fn shell(&self) -> Shell<'_> {
        Shell { site: &self.site, reviewers: self.reviewers.iter().collect(), still: false }
    }

    pub fn cards(&self) -> Vec<Arc<Card>> {
        let card = |published: &Published| {
            let body = &published.review.body;
            let excerpt = if published.review.spoilers { String::new() } else { text::excerpt(body, 400) };
            Arc::new(published.card(excerpt, text::words(body)))
        };
        self.published.iter().map(card).collect()
    }

    pub fn find(&self, slug: &str) -> &Published {
        self.published.iter().find(|published| published.slug.as_str() == slug).unwrap()
    }

    pub fn review_page(&self, slug: &str) -> String {
        let published = self.find(slug);
        let at = self.published.iter().position(|other| other.slug.as_str() == slug).unwrap();
        let cards = self.cards();
        let reviewer = self.reviewers.iter().find(|reviewer| reviewer.handle == published.reviewer).unwrap();
        let synopsis = published.review.synopsis.as_ref().map(safe);
        let note = self.site.origin.note(&published.reviewer, &published.id);
        let silence = Conversation { door: Door::Open { note }, ..Conversation::default() };
        review(
            &self.shell(),
            &ReviewPage {
                published,
                reviewer,
                body: &safe(&published.review.body),
                synopsis: synopsis.as_ref(),
                older: cards.get(at + 1).map(Arc::as_ref),
                newer: at.checked_sub(1).map(|at| cards[at].as_ref()),
                same_book: &cards[..1],
                same_author: &cards[1..3],
                conversation: Some(match published.review.body.is_empty() {
                    true => &silence,
                    false => &self.conversation,
                }),
            },
        )
    }

    /// Statistics of everybody or one reviewer, of all years or one.
    pub fn stats_page(&self, handle: Option<&str>, year: Option<i16>) -> String {
        let handle = handle.map(|handle| Handle::parse(handle).unwrap());
        let cards = self.cards();
        let figures = statistics(&cards, &self.site.origin, handle.as_ref(), year);
        let years: Vec<(i16, usize)> = statistics(&cards, &self.site.origin, handle.as_ref(), None)
            .years
            .iter()
            .map(|year| (year.year, year.reviews))
            .collect();
        let reviewer = self.reviewers.iter().find(|reviewer| Some(&reviewer.handle) == handle.as_ref());
        stats(&self.shell(), &StatsPage { statistics: &figures, reviewer, years: &years })
    }

    /// Every page there is, by the name of a file.
    pub fn pages(&self) -> Vec<(String, String)> {
        let shell = self.shell();
        let cards = self.cards();
        let all = Listing { cards: &cards, paging: Paging { page: 1, pages: 3, total: 61 } };
        let second = Listing { cards: &cards[3..], paging: Paging { page: 2, pages: 3, total: 61 } };
        let none = Listing { cards: &[], paging: Paging::single(0) };
        let few = Listing { cards: &cards[..2], paging: Paging::single(2) };
        let first = &self.published[0];
        let book_of = &first.review.book;
        let bio = safe(&Text::new(Format::Plain, self.reviewers[0].bio.as_str()));
        let name = |name: &str, reviews| Counted { name: name.to_owned(), reviews };
        let subjects: Vec<Counted> =
            self.published.iter().flat_map(|published| &published.review.tags).map(|tag| name(tag, 3)).collect();
        let writers: Vec<Counted> =
            self.published.iter().flat_map(|published| &published.review.book.authors).map(|a| name(a, 1)).collect();
        let of_year = Archive {
            years: &[(2026, 8), (2025, 41), (2024, 12)],
            year: 2026,
            cards: &cards,
            tags: &subjects,
            authors: &writers,
        };
        let groups = FeedsPage {
            hub: true,
            full_text: true,
            tags: subjects.clone(),
            authors: writers.clone(),
            ratings: vec![name("1", 2), name("4.5", 7)],
        };
        let query = book_of.title.as_str();
        let mut pages = vec![
            ("home".to_owned(), home(&shell, &all)),
            ("home-2".to_owned(), home(&shell, &second)),
            ("home-empty".to_owned(), home(&shell, &none)),
            ("profile".to_owned(), profile(&shell, &self.reviewers[0], &bio, &all)),
            ("tag".to_owned(), tag(&shell, &first.review.tags[0], &few)),
            ("author".to_owned(), author(&shell, &book_of.authors[0], &few)),
            ("book".to_owned(), book(&shell, book_of, first.cover.as_ref(), &few)),
            ("archive".to_owned(), archive(&shell, &of_year)),
            ("search".to_owned(), search(&shell, "", None)),
            ("search-found".to_owned(), search(&shell, query, Some(&few))),
            ("search-nothing".to_owned(), search(&shell, query, Some(&none))),
            ("rating".to_owned(), rating(&shell, "4.5", &few)),
            ("stats".to_owned(), self.stats_page(None, None)),
            ("stats-ana".to_owned(), self.stats_page(Some("ana"), None)),
            ("stats-year".to_owned(), self.stats_page(None, Some(2026))),
            ("feeds".to_owned(), feeds(&shell, &groups)),
        ];
        let target = Target { uri: "https://books.example/users/ana/reviews/dune", title: query, path: "/@ana/dune" };
        for (name, way) in [
            ("interact", Way::Ask { account: "", why_not: None }),
            ("interact-again", Way::Ask { account: query, why_not: Some(query) }),
            ("interact-open", Way::Open { to: "https://social.example/authorize?uri=x&y='", host: "social.example" }),
            ("interact-search", Way::Search { host: "social.example" }),
        ] {
            pages.push((name.to_owned(), interact(&shell, &target, way)));
        }
        for kind in [
            Trouble::NotFound,
            Trouble::Gone,
            Trouble::TooMany,
            Trouble::Broken,
            Trouble::Unavailable,
            Trouble::Misdirected,
        ] {
            pages.push((format!("trouble-{}", kind.status()), trouble(&shell, kind)));
        }
        for published in &self.published {
            pages.push((format!("review-{}", published.slug), self.review_page(published.slug.as_str())));
        }
        pages
    }
}

pub fn safe(text: &Text) -> SafeHtml {
    text::page_html(text, &Place { page: "https://books.example/@ana/x", picture: &|_| None })
}

/// Bob, an answer to him with a warning, the reviewer's own, somebody forgotten, and one on another page.
fn conversation(name: &str, line: &str) -> Conversation {
    let person = |portrait: Option<&str>| Person::from_elsewhere(&stranger(name), portrait.map(str::to_owned));
    let remark = |number: i64, person: Person, content: &str| Remark {
        number,
        person,
        depth: 0,
        answers: None,
        title: None,
        warning: None,
        content: text::remote_html(content),
        language: None,
        published: "2026-11-22T07:00:00Z".parse().unwrap(),
        updated: None,
        original: Some(format!("https://social.example/@bob/{number}")),
        id: format!("https://social.example/users/bob/{number}"),
    };
    let bobs = remark(1, person(Some("/media/avatars/bob.jpg")), "<p>Sand &amp; <b>worms</b>.</p><script>x</script>");
    let mut warned = remark(2, person(None), "<p>The wife did it.</p>");
    (warned.warning, warned.title, warned.depth) = (Some(line.to_owned()), Some(line.to_owned()), 1);
    warned.answers = Some(Answered { number: 1, name: name.to_owned(), page: 1 });
    warned.language = Some("de".to_owned());
    warned.updated = Some("2026-11-22T08:00:00Z".parse().unwrap());
    let ana = reviewer("ana", "Ana Petrović");
    let mut own = remark(3, Person::reviewer(&ana, &Origin::parse("https://books.example").unwrap()), "<p>Thanks.</p>");
    (own.depth, own.original) = (40, Some("javascript:alert(1)".to_owned()));
    own.answers = Some(Answered { number: 99, name: name.to_owned(), page: 3 });
    let wordless = remark(4, Person::unknown("https://gone.example/users/x"), "");
    let admirer = |emoji: Option<&str>, page: Option<&str>| Admirer {
        person: person(None),
        emoji: emoji.map(str::to_owned),
        page: page.map(str::to_owned),
    };
    Conversation {
        remarks: vec![bobs, warned, own, wordless],
        paging: Paging { page: 2, pages: 3, total: 204 },
        likes: Crowd { total: 12, people: vec![admirer(Some(line), None), admirer(None, None)] },
        boosts: Crowd { total: 1, people: vec![admirer(None, None)] },
        quotes: Crowd { total: 1, people: vec![admirer(None, Some("https://social.example/@bob/9"))] },
        door: Door::Open { note: "https://books.example/users/ana/reviews/dune".to_owned() },
    }
}

pub fn stranger(name: &str) -> RemoteActor {
    let id = "https://social.example/users/bob".to_owned();
    RemoteActor {
        inbox: format!("{id}/inbox"),
        page: "https://social.example/@bob".to_owned(),
        id,
        kind: "Person".to_owned(),
        shared_inbox: None,
        keys: vec![],
        name: name.to_owned(),
        handle: "bob@social.example".to_owned(),
        avatar: None,
        bookwyrm: false,
        also_known_as: vec![],
        moved_to: None,
        fetched_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn reviewer(handle: &str, name: &str) -> Reviewer {
    Reviewer {
        handle: Handle::parse(handle).unwrap(),
        name: name.into(),
        bio: "Reads on trains, mostly novels that are older than she is, and writes about them in the evening.\n\n\
              Translator by day. *No* ratings out of ten."
            .into(),
        avatar: Some(picture(&format!("avatar-{handle}"), 400, 400)),
        links: vec![
            ProfileLink { name: "Website".into(), url: format!("https://{handle}.example") },
            ProfileLink { name: "Mastodon".into(), url: format!("https://social.example/@{handle}") },
        ],
        also_known_as: vec![],
    }
}

fn picture(key: &str, width: u32, height: u32) -> Picture {
    let thumb_width = width.min(400);
    Picture {
        key: key.into(),
        media_type: "image/jpeg".into(),
        width,
        height,
        thumb_width,
        thumb_height: height * thumb_width / width,
        blurhash: "LEHV6nWB2yk8pyo0adR*.7kCMdnj".into(),
    }
}

/// A review of a book; what is special about it is changed by the one who calls.
fn published(slug: &str, title: &str, authors: &[&str], format: Format, body: &str) -> Published {
    Published {
        reviewer: Handle::parse("ana").unwrap(),
        id: ReviewId::parse(slug).unwrap(),
        guid: format!("urn:uuid:01890a5d-ac96-774b-bcce-{:012x}", slug.len()),
        slug: Slug::from_text(slug),
        published: "2026-11-21T18:30:00Z".parse().unwrap(),
        updated: None,
        review: Review {
            book: Book {
                title: title.into(),
                authors: authors.iter().map(ToString::to_string).collect(),
                isbn: None,
                year: None,
                series: None,
                cover: None,
                pages: None,
                publisher: None,
            },
            headline: None,
            rating: None,
            body: Text::new(format, body),
            synopsis: None,
            summary: None,
            date: None,
            updated: None,
            read: vec![],
            started: None,
            tags: vec!["novels".into()],
            language: None,
            spoilers: false,
            draft: false,
            slug: Slug::from_text(slug),
            aliases: vec![],
            id: None,
            imported: false,
            replies_closed: false,
            comments: Vec::new(),
        },
        cover: None,
        pictures: BTreeMap::new(),
    }
}

fn rated(value: f64, best: f64) -> Option<Rating> {
    Some(Rating { raw: value.to_string(), value: Some(value), best: Some(best) })
}

fn shelf() -> Vec<Published> {
    let mut dune = published("dune", "Dune", &["Frank Herbert"], Format::Html, ESSAY);
    dune.review.headline = Some("Sand, power and worms".into());
    dune.review.rating = rated(4.5, 5.0);
    dune.review.tags = vec!["science fiction".into(), "classics".into(), "desert".into()];
    dune.review.book.isbn = Isbn::parse("9780441172719");
    dune.review.book.year = Some(1965);
    dune.review.book.pages = Some(617);
    dune.review.book.publisher = Some("Chilton Books".into());
    dune.review.book.series = Some(Series { name: "Dune".into(), position: Some("1".into()) });
    dune.review.synopsis = Some(Text::new(Format::Html, SYNOPSIS));
    dune.review.read = vec!["2009-07".parse().unwrap(), "2026-11-14".parse().unwrap()];
    dune.review.started = Some("2026-10-30".parse().unwrap());
    dune.cover = Some(picture("dune", 1067, 1600));
    dune.updated = Some("2026-11-22T09:00:00Z".parse().unwrap());

    let mut ishiguro = published("never-let-me-go", "Never Let Me Go", &["Kazuo Ishiguro"], Format::Plain, ISHIGURO);
    ishiguro.review.rating = rated(4.0, 5.0);
    ishiguro.cover = Some(picture("ishiguro", 400, 620));

    let title = "The Unlikely and Entirely True History of the Cartographers, Sailors and Assorted Liars Who Drew the \
                 Edges of the World: A Very Long Introduction";
    let forty: Vec<String> = (1..=40).map(|n| format!("Contributor {n} van der Longname")).collect();
    let forty: Vec<&str> = forty.iter().map(String::as_str).collect();
    let mut maps = published("maps", title, &forty, Format::Html, RICH);
    maps.review.rating = rated(7.0, 10.0);
    maps.review.tags = vec!["history".into(), "cartography and its discontents".into(), "non-fiction".into()];
    maps.review.book.year = Some(-600);
    maps.reviewer = Handle::parse("boris").unwrap();

    let mut peace = published("voina-i-mir", "Война и мир", &["Лев Толстой"], Format::Plain, RUSSIAN);
    peace.review.language = Some("ru".into());
    peace.review.rating = Some(Rating { raw: "Hilariously long".into(), value: None, best: None });
    peace.review.tags = vec!["классика".into()];

    let mut heart = published("kokoro", "こころ", &["夏目漱石"], Format::Plain, JAPANESE);
    heart.review.language = Some("ja".into());
    heart.review.rating = rated(5.0, 5.0);

    let mut ending = published("rebecca", "Rebecca", &["Daphne du Maurier"], Format::Plain, "The wife did not drown.");
    ending.review.spoilers = true;
    ending.review.rating = rated(3.5, 5.0);
    ending.reviewer = Handle::parse("boris").unwrap();

    let mut silent = published("middlemarch", "Middlemarch", &["George Eliot"], Format::Plain, "");
    silent.review.rating = rated(5.0, 5.0);
    silent.cover = Some(picture("middlemarch", 900, 1300));
    silent.review.date = Some("2026-08".parse().unwrap());

    let mut bare = published("beowulf", "Beowulf", &[], Format::Plain, "Short, loud, and over too soon.");
    bare.review.tags = vec![];
    bare.review.summary = Some("A dragon, at last".into());
    bare.cover = Some(picture("beowulf", 640, 480));

    vec![dune, ishiguro, maps, peace, heart, ending, silent, bare]
}

const ESSAY: &str = include_str!("texts/essay.html");
const SYNOPSIS: &str = include_str!("texts/synopsis.html");
const RICH: &str = include_str!("texts/rich.html");
const ISHIGURO: &str = include_str!("texts/ishiguro.txt");
const RUSSIAN: &str = include_str!("texts/russian.txt");
const JAPANESE: &str = include_str!("texts/japanese.txt");
