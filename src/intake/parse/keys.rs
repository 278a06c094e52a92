//! Which keys play which role, most telling first, compared by [`key_name`](super::front_matter::key_name).
//!
//! Other people's opinions (`scoreGr`, `imdb`, `metacritic`, average ratings) stand in no list on purpose.

pub const WORK_TITLE: &[&str] = &[
    "book.title", "booktitle", "worktitle", "titleofbook", "book.name", "booktitel", "titreoeuvre", "itemtitle",
    "filmtitle", "book.booktitle", "bookname",
];
pub const POST_TITLE: &[&str] = &[
    "title", "name", "film", "linktitle", "titel", "titre", "título", "titolo", "fulltitle", "headline", "book",
];
pub const WORK_AUTHOR: &[&str] = &[
    "book.author", "book.authors", "book.contributors", "bookauthor", "bookauthors", "authorofbook", "book.by",
    "workauthor", "book.creator", "book.director", "bookby", "book.writer", "book.bookauthor", "writtenby",
];
pub const AUTHOR: &[&str] = &[
    "author", "authors", "director", "writer", "writers", "by", "creator", "creators", "autor", "autorin", "auteur",
    "autore", "verfasser", "contributors",
];
pub const RATING: &[&str] = &[
    "rating", "myrating", "review.rating", "book.review.rating", "book.rating", "book.myrating", "grade",
    "review.grade", "score", "review.score", "stars", "review.stars", "starrating", "personalrating", "bookrating",
    "userrating", "reviewrating", "review.reviewrating", "bewertung", "ratings", "myscore", "ratingstars",
    "overallrating",
];
pub const RATING_BEST: &[&str] = &[
    "ratingmax", "maxrating", "bestrating", "ratingbest", "ratingscale", "ratingoutof", "outof", "best", "rating.max",
    "rating.best", "rating.bestrating", "rating.outof", "review.ratingmax",
];
pub const DATE: &[&str] = &[
    "date", "pubdate", "review.date", "publishdate", "publishedat", "datepublished", "posted", "postdate",
    "postedat", "published.date", "datum", "review.dateposted", "dateposted", "reviewdate", "review.published",
    "publishedon", "datepublish",
];
pub const CREATED: &[&str] = &[
    "created", "createdat", "datecreated", "createdon", "dateadded", "added", "creationdate",
];
pub const UPDATED: &[&str] = &[
    "updated", "updatedat", "modified", "lastmod", "lastmodified", "dateupdated", "datemodified", "modifiedat",
    "lastupdated", "updateddate", "lastmodifiedat", "updatedon",
];
pub const READ: &[&str] = &[
    "review.dateread", "dateread", "datesread", "finished", "datefinished", "finishedat", "finishedon", "finish",
    "finishdate", "read", "readdate", "readdates", "readat", "readon", "stop", "completed", "completedat",
    "datecompleted", "completeddate", "completedon", "ended", "enddate", "dateended", "end", "review.finished",
    "review.datefinished", "book.dateread", "book.finished", "book.datefinished", "reads", "readings",
    "readdate.end", "readdates.end", "dates.finished", "dates.end", "finisheddate", "lastread", "reading.finished",
    "book.review.dateread", "review.dateread.end", "gelesen", "readfinish", "daterread", "stopped",
];
pub const STARTED: &[&str] = &[
    "started", "start", "datestarted", "startdate", "startedat", "startedon", "review.datestarted",
    "review.started", "readdate.start", "dates.started", "dates.start", "starteddate", "reading.started", "begin",
    "began", "book.started", "book.datestarted", "readstart", "startreading",
];
pub const YEAR: &[&str] = &[
    "publicationyear", "book.publicationyear", "bookyear", "yearpublished", "publishedyear", "year", "book.year",
    "releaseyear", "firstpublished", "originalpublicationyear", "book.published", "pubyear", "publicationdate",
    "book.publicationdate", "yearofpublication", "originalyear", "book.datepublished", "book.publishdate",
    "publishyear", "bookpublished", "releasedate", "published", "publish", "released",
];
pub const ISBN: &[&str] = &[
    "isbn", "isbn13", "book.isbn13", "book.isbn", "isbn10", "book.isbn10", "bookisbn", "isbns", "ean", "gtin",
    "book.id", "asin", "identifiers.isbn", "id",
];
pub const TAGS: &[&str] = &[
    "tags", "book.tags", "review.tags", "tag", "keywords", "genre", "genres", "book.genre", "book.genres",
    "shelves", "shelf", "bookshelves", "categories", "category", "topics", "subjects", "subject", "themes",
    "book.categories", "bookgenre",
];
pub const COVER: &[&str] = &[
    "book.coverimageurl", "coverimageurl", "book.coverurl", "coverurl", "book.cover", "cover", "coverimage",
    "book.coverimage", "bookcover", "bookcoverimage", "cover.image", "heroimage", "featuredimage", "featureimage",
    "featured", "image", "book.image", "images", "poster", "thumbnail", "img", "photo", "bookimage",
    "header.teaser", "header.image", "teaser", "ogimage", "banner", "coverart", "picture", "thumb", "cover.url",
    "imageurl", "coverimg", "resources", "hero", "hero.image", "splash",
];
pub const COVER_ALT: &[&str] = &[
    "coveralt", "book.coveralt", "coverimagealt", "imagealt", "heroimagealt", "alt", "thumbnailalt",
    "featuredimagealt", "coverdescription", "coverdesc", "book.coverimagealt", "posteralt", "imgalt",
];
pub const SUMMARY: &[&str] = &[
    "review.tldr", "tldr", "summary", "review.summary", "excerpt", "description", "onesentence", "intro",
    "oneliner", "verdict", "tagline", "review.description", "abstract", "lead", "dek", "subline",
];
pub const BLURB: &[&str] = &[
    "synopsis", "blurb", "book.description", "book.synopsis", "book.blurb", "book.summary", "bookdescription",
    "goodreadssynopsis", "publisherdescription",
];
pub const OWN_WORDS: &[&str] = &[
    "review", "review.text", "review.body", "review.content", "book.review", "myreview", "reviewtext",
    "review.review", "thoughts", "comment", "mythoughts",
];
pub const DRAFT_FLAGS: &[&str] = &[
    "draft", "isdraft", "hugodraft", "unpublished", "private", "hidden", "review.draft", "unlisted", "wip", "ignore", "hide",
    "excluded", "exclude", "book.draft",
];
/// Those of them that mean nothing but a draft, whatever stands behind them.
pub const DRAFT: &[&str] = &["draft", "isdraft", "hugodraft", "unpublished", "review.draft", "book.draft"];
pub const SHOWN_FLAGS: &[&str] = &[
    "published", "display", "publish", "public", "visible", "dgpublish", "show", "review.published", "render",
    "output", "live", "share", "ispublished",
];
pub const STATUS: &[&str] = &[
    "status", "state", "visibility", "poststatus", "review.status", "book.status", "readingstatus", "readstatus",
    "display", "access", "stage",
];
pub const SPOILERS: &[&str] = &[
    "spoilers", "spoiler", "containsspoilers", "hasspoilers", "spoilerwarning", "review.spoilers", "review.spoiler",
    "containsspoiler", "hasspoiler", "isspoiler",
];
pub const LANGUAGE: &[&str] = &[
    "lang", "language", "locale", "review.language", "review.lang", "inlanguage", "sprache",
];
pub const SLUG: &[&str] = &[
    "slug",
];
pub const PERMALINK: &[&str] = &[
    "permalink", "url", "path", "link", "uri",
];
pub const ALIASES: &[&str] = &[
    "aliases", "alias", "redirectfrom", "redirects", "oldurl", "oldurls", "oldpaths", "redirect",
];
pub const SERIES: &[&str] = &[
    "series", "book.series", "bookseries", "seriesname", "seriestitle", "series.name", "series.title",
    "book.seriesname", "reihe", "bookseriesname", "book.series.name",
];
pub const SERIES_POSITION: &[&str] = &[
    "seriesposition", "book.seriesposition", "seriesorder", "seriesnumber", "seriesindex", "seriesno",
    "numberinseries", "seriesnum", "bookinseries", "series.number", "series.position", "series.order",
    "series.index", "book.seriesnumber", "book.seriesindex", "book.seriesorder", "volume", "booknumber",
    "seriespart", "series.book", "series.volume", "installment", "book.series.number", "book.series.position",
    "inseries",
];
pub const PAGES: &[&str] = &[
    "pages", "book.pages", "pagecount", "numpages", "numberofpages", "book.pagecount", "book.numberofpages",
    "totalpage", "totalpages", "length", "pagenumber", "page",
];
pub const PUBLISHER: &[&str] = &[
    "publisher", "book.publisher", "verlag", "imprint", "bookpublisher",
];
pub const COMMENTS: &[&str] = &[
    "comments",
];
pub const IN_REPLY_TO: &[&str] = &[
    "inreplyto", "replyto", "inreplyto.url", "inreplyto.id", "answerto",
];
pub const WARNING: &[&str] = &[
    "warning", "contentwarning", "cw", "subject", "summary", "spoilertext",
];
