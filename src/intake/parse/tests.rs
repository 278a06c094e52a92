use super::*;

fn read(path: &str, text: &str) -> Parsed {
    parse(
        &SourceFile { path, bytes: text.as_bytes(), siblings: &[] },
        &Context { reviewer_name: "Ana Sol", reviewer_handle: "ana", rating_scale: None },
    )
}

#[test]
fn fenced() {
    let parsed = read("dune.md", "---\ntitle: Dune\nauthor: Frank Herbert\nrating: 4\n---\n\nGood.\n");
    let Reading::Review(review) = parsed.reading else { panic!() };
    assert_eq!(review.book.title, "Dune");
    assert_eq!(review.body.source, "Good.");
}

#[test]
#[ignore = "needs a folder named in REVIEWD_PARSE_FOLDER"]
#[expect(clippy::disallowed_methods, reason = "a measurement by hand")]
fn folder() {
    let root = std::env::var("REVIEWD_PARSE_FOLDER").unwrap();
    let name = std::env::var("REVIEWD_PARSE_NAME").unwrap_or_default();
    let mut stack = vec![std::path::PathBuf::from(&root)];
    let (mut files, mut spent) = (0, std::time::Duration::ZERO);
    while let Some(dir) = stack.pop() {
        let Ok(list) = std::fs::read_dir(&dir) else { continue };
        let entries: Vec<_> = list.flatten().collect();
        let siblings: Vec<String> = entries.iter().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        for entry in &entries {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                stack.push(entry.path());
                continue;
            }
            let whole = entry.path();
            let path = whole.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            if !is_candidate(&path) || !kind.is_file() {
                continue;
            }
            let Ok(bytes) = std::fs::read(&whole) else { continue };
            let started = std::time::Instant::now();
            let parsed = parse(
                &SourceFile { path: &path, bytes: &bytes, siblings: &siblings },
                &Context { reviewer_name: &name, reviewer_handle: "reviewer", rating_scale: None },
            );
            let took = started.elapsed();
            spent += took;
            files += 1;
            if took.as_millis() > 200 {
                println!("SLOW {took:?} {path}");
            }
            if std::env::var("REVIEWD_PARSE_QUIET").is_ok() {
                continue;
            }
            match &parsed.reading {
                Reading::Review(r) => {
                    let short = |s: &str| s.chars().take(90).collect::<String>().replace('\n', "⏎");
                    let tail: String = r
                        .body
                        .source
                        .chars()
                        .rev()
                        .take(60)
                        .collect::<String>()
                        .chars()
                        .rev()
                        .collect::<String>()
                        .replace('\n', "⏎");
                    println!(
                        "REVIEW {path}\n  title={:?} authors={:?} headline={:?}\n  rating={:?} date={:?} read={:?} draft={} spoilers={} series={:?} isbn={:?} year={:?} slug={}\n  tags={:?} cover={:?} summary={:?} synopsis={:?}\n  body[{}]={}…{}",
                        r.book.title,
                        r.book.authors,
                        r.headline,
                        r.rating.as_ref().map(|r| (r.raw.clone(), r.value, r.best)),
                        r.date.map(|d| d.to_string()),
                        r.read.iter().map(ToString::to_string).collect::<Vec<_>>(),
                        r.draft,
                        r.spoilers,
                        r.book.series,
                        r.book.isbn.as_ref().map(ToString::to_string),
                        r.book.year,
                        r.slug,
                        r.tags,
                        r.book.cover.as_ref().map(|c| c.source.clone()),
                        r.summary.as_ref().map(|s| short(s)),
                        r.synopsis.as_ref().map(|s| short(&s.source)),
                        r.body.source.len(),
                        short(&r.body.source),
                        tail
                    );
                }
                Reading::Skipped(why) => println!("SKIP {path}: {why}"),
                Reading::Withheld => println!("WITHHELD {path}"),
            }
            for problem in &parsed.problems {
                println!("  ! {problem}");
            }
        }
    }
    println!("{files} files, {spent:?}");
}
