//! Whose folder this is: the root of a site generator's project, a vault of notes, or a folder of reviews.
//!
//! In the first two most files are something else, so there a file has to say in some way that it reviews a work
//! ([`Context::among_others`](super::parse::Context)). Told by the files that the programs themselves look for at the root.

use std::fmt;

use super::folder::Walk;

/// What a review folder is to the program that it was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Reviews and nothing else, in whatever form; also the directory of reviews inside a site.
    #[default]
    Reviews,
    Jekyll,
    Hugo,
    Zola,
    Eleventy,
    Astro,
    Obsidian,
}

/// The files at the root by which a program knows its own folders.
const SIGNS: &[(Kind, &[&str])] = &[
    (
        Kind::Eleventy,
        &["eleventy.config.js", "eleventy.config.mjs", "eleventy.config.cjs", "eleventy.config.ts", ".eleventy.js"],
    ),
    (Kind::Astro, &["astro.config.mjs", "astro.config.js", "astro.config.ts", "astro.config.mts", "astro.config.cjs"]),
    (Kind::Hugo, &["hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json"]),
    (Kind::Zola, &["zola.toml"]),
    (Kind::Jekyll, &["_config.yml", "_config.yaml", "_config.toml"]),
    (Kind::Obsidian, &[".obsidian"]),
];

/// The name that Hugo and Zola share for their settings, and directories that only Hugo has.
const SHARED_CONFIG: &[&str] = &["config.toml", "config.yaml", "config.yml", "config.json"];
const OF_HUGO: &[&str] = &["archetypes/", "layouts/", "config/_default/"];

impl Kind {
    /// Tells the kind of a folder from the names in it.
    pub fn of(walk: &Walk) -> Self {
        let has = |name: &str| walk.files.contains_key(name) || walk.hidden.contains(name);
        if let Some((kind, _)) = SIGNS.iter().find(|(_, signs)| signs.iter().any(|sign| has(sign))) {
            return *kind;
        }
        let holds = |start: &&str| {
            walk.files.range((*start).to_owned()..).next().is_some_and(|(path, _)| path.starts_with(*start))
        };
        if !holds(&"content/") {
            return Self::Reviews;
        }
        match OF_HUGO.iter().any(holds) {
            true if SHARED_CONFIG.iter().any(|name| has(name)) || holds(&"config/_default/") => Self::Hugo,
            false if has("config.toml") => Self::Zola,
            true | false => Self::Reviews,
        }
    }

    /// Whether much else than reviews is to be expected.
    pub fn is_mixed(self) -> bool {
        match self {
            Self::Reviews => false,
            Self::Jekyll | Self::Hugo | Self::Zola | Self::Eleventy | Self::Astro | Self::Obsidian => true,
        }
    }

    /// One word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reviews => "reviews",
            Self::Jekyll => "jekyll",
            Self::Hugo => "hugo",
            Self::Zola => "zola",
            Self::Eleventy => "eleventy",
            Self::Astro => "astro",
            Self::Obsidian => "obsidian",
        }
    }
}

/// `a Hugo site`, as the middle of a sentence.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reviews => "a folder of reviews",
            Self::Jekyll => "a Jekyll site",
            Self::Hugo => "a Hugo site",
            Self::Zola => "a Zola site",
            Self::Eleventy => "an Eleventy site",
            Self::Astro => "an Astro site",
            Self::Obsidian => "an Obsidian vault",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_known_by_what_its_program_looks_for() {
        for (names, hidden, kind) in [
            (&["dune.md", "2024/emma.md"][..], &[][..], Kind::Reviews),
            (&["_config.yml", "_posts/2020-01-01-dune.md"], &[], Kind::Jekyll),
            (&["_posts/2020-01-01-dune.md"], &[], Kind::Reviews),
            (&["hugo.toml", "content/dune.md"], &[], Kind::Hugo),
            (&["config.toml", "content/dune.md", "archetypes/default.md"], &[], Kind::Hugo),
            (&["config/_default/hugo.toml", "content/dune.md"], &[], Kind::Hugo),
            (&["config.toml", "content/dune.md", "templates/page.html"], &[], Kind::Zola),
            (&["config.toml", "dune.md"], &[], Kind::Reviews),
            (&["content/dune.md", "layouts/x.html"], &[], Kind::Reviews),
            (&["dune.md"], &[".eleventy.js"], Kind::Eleventy),
            (&["eleventy.config.mjs"], &[], Kind::Eleventy),
            (&["astro.config.mjs", "src/content/dune.md"], &[], Kind::Astro),
            (&["Dune.md"], &[".obsidian", ".trash"], Kind::Obsidian),
            (&["Dune.md"], &[".git"], Kind::Reviews),
        ] {
            let walk = Walk {
                files: names.iter().map(|name| ((*name).to_owned(), Default::default())).collect(),
                hidden: hidden.iter().map(|name| (*name).to_owned()).collect(),
                ..Walk::default()
            };
            assert_eq!(Kind::of(&walk), kind, "{names:?} {hidden:?}");
        }
    }
}
