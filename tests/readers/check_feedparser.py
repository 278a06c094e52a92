#!/usr/bin/env python3
"""Reads the three feeds under an address as feedparser does, and asks again as a polite reader would.

    check_feedparser.py BASE_URL [EXPECTED.json]

BASE_URL is where the feeds stand: `http://localhost:8080`, `http://localhost:8080/@ana`. What EXPECTED.json holds is told
in expectations.py. Ends with 0 if all is right, 1 if not, 2 when called wrongly, 3 without feedparser.
"""

import calendar
import gzip
import json
import re
import sys
import urllib.error
import urllib.request

from expectations import Report, seconds

try:
    import feedparser
except ImportError:
    print("feedparser is not installed: python3 -m pip install -r tests/peers/python/requirements.txt", file=sys.stderr)
    sys.exit(3)

TIMEOUT_SECONDS = 20

DIALECTS = {"feed.xml": "rss20", "atom.xml": "atom10"}

# Of the three HTTP codings the standard library opens one; the others are compared by their headers.
CODINGS = ["identity", "gzip", "br", "zstd"]


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    base, report = sys.argv[1].rstrip("/"), Report(*sys.argv[2:])
    found = {}
    for name, version in DIALECTS.items():
        found[name] = check_xml(report, f"{base}/{name}", version)
    found["feed.json"] = check_json(report, f"{base}/feed.json")
    for name, items in found.items():
        for key in ("id", "title", "link", "published"):
            first = [item[key] for item in found["feed.xml"]]
            report.equal(f"{name}: every {key}, compared with feed.xml", [item[key] for item in items], first)
        check_http(report, f"{base}/{name}")
    report.end()


def check_xml(report, url, version):
    """Reads RSS or Atom; relative addresses are left as they are, so that they are noticed."""
    feed = feedparser.parse(url, resolve_relative_uris=False, sanitize_html=False)
    report.equal(f"{url}: status", feed.get("status"), 200)
    report.true(url, not feed.bozo, f"is not well-formed: {feed.get('bozo_exception')}")
    report.equal(f"{url}: version", feed.version, version)
    check_title(report, url, feed.feed.get("title"))
    own = [link.href for link in feed.feed.get("links", []) if link.rel == "self"]
    report.equal(f"{url}: self", own, [url])
    items = [item_of(entry) for entry in feed.entries]
    report.items(url, items)
    again = feedparser.parse(url, etag=feed.get("etag"))
    report.equal(f"{url}: status when asked again with the ETag", again.get("status"), 304)
    again = feedparser.parse(url, modified=feed.get("modified"))
    report.equal(f"{url}: status when asked again with the date", again.get("status"), 304)
    return items


def check_title(report, url, title):
    report.true(url, title, "has no title")
    if "title" in report.expected:
        report.equal(f"{url}: title", title, report.expected["title"])


def item_of(entry):
    content = entry.content[0].value if "content" in entry else ""
    return {
        "id": entry.get("id", ""),
        "title": entry.get("title", ""),
        "link": entry.get("link", ""),
        "author": entry.get("author", ""),
        "summary": entry.get("summary", ""),
        "published": calendar.timegm(entry.published_parsed),
        "updated": calendar.timegm(entry.updated_parsed),
        "content": content,
        "cover": cover_of(entry.get("media_content"), content),
        "rating": entry.get("schema_ratingvalue"),
        "isbn": entry.get("schema_isbn"),
        "tags": [tag.label or tag.term for tag in entry.get("tags", [])],
    }


def cover_of(media, content):
    """The picture for programs, if it is also the first of the content."""
    if not media:
        return None
    first = re.search(r'<img[^>]*\ssrc="([^"]*)"', content)
    return media[0]["url"] if first and first[1] == media[0]["url"] else "two different pictures"


def check_json(report, url):
    status, headers, body = ask(url)
    report.equal(f"{url}: status", status, 200)
    feed = json.loads(body)
    report.equal(f"{url}: version", feed.get("version"), "https://jsonfeed.org/version/1.1")
    report.equal(f"{url}: feed_url", feed.get("feed_url"), url)
    check_title(report, url, feed.get("title"))
    items = []
    for item in feed["items"]:
        review = item.get("_review", {})
        items.append({
            "id": item["id"],
            "title": item["title"],
            "link": item["url"],
            "author": ", ".join(author["name"] for author in item["authors"]),
            "summary": item.get("summary", ""),
            "published": seconds(item["date_published"]),
            "updated": seconds(item["date_modified"]),
            "content": item["content_html"],
            "cover": item.get("image"),
            "rating": None if "rating" not in review else f"{review['rating']:g}",
            "isbn": review.get("isbn"),
            "tags": item.get("tags", []),
        })
    report.items(url, items)
    return items


def check_http(report, url):
    """Validators, codings and HEAD, as caches and polite readers use them."""
    before = report.failures
    _, _, plain = ask(url)
    tags = []
    for coding in CODINGS:
        where = f"{url} in {coding}"
        status, headers, body = ask(url, {"Accept-Encoding": coding})
        report.equal(f"{where}: status", status, 200)
        if len(plain) > 4096:
            report.equal(f"{where}: coding", headers.get("Content-Encoding", "identity"), coding)
        if headers.get("Content-Encoding") == "gzip":
            report.true(where, gzip.decompress(body) == plain, "differs from the document as it is")
        report.true(where, "accept-encoding" in headers.get("Vary", "").lower(), "has no Vary: Accept-Encoding")
        report.equal(f"{where}: length", headers.get("Content-Length"), str(len(body)))
        tag = headers.get("ETag", "")
        report.true(where, re.fullmatch(r'"[^"]+"', tag), f"has no strong ETag: {tag!r}")
        tags.append(tag)
        check_conditions(report, where, url, coding, headers)
        status, head, nothing = ask(url, {"Accept-Encoding": coding}, "HEAD")
        report.equal(f"{where}: status and body of HEAD", (status, nothing), (200, b""))
        report.equal(f"{where}: headers of HEAD", lasting(head), lasting(headers))
    if len(plain) > 4096:
        report.equal(f"{url}: number of different ETags", len(set(tags)), len(CODINGS))
    if before == report.failures:
        print(f"ok   {url}: validators, codings, HEAD")


def lasting(headers):
    """All headers but that which changes every second."""
    return sorted((name.lower(), value) for name, value in headers.items() if name.lower() != "date")


def check_conditions(report, where, url, coding, headers):
    tag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    for condition, expected in [
        ({"If-None-Match": tag}, 304),
        ({"If-None-Match": f'"other", W/{tag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-Modified-Since": modified}, 304),
        ({"If-None-Match": '"other"', "If-Modified-Since": modified}, 200),
        ({"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 200),
    ]:
        status, again, body = ask(url, {"Accept-Encoding": coding, **condition})
        report.equal(f"{where}: status for {condition}", status, expected)
        if status == 304:
            report.equal(f"{where}: body of a 304", body, b"")
            for name in ("ETag", "Cache-Control", "Vary", "Last-Modified"):
                report.equal(f"{where}: {name} of a 304", again.get(name), headers.get(name))
            length = again.get("Content-Length")
            report.true(where, length in (None, headers.get("Content-Length")), f"has a 304 of length {length}")


def ask(url, headers=None, method="GET"):
    """Status, headers and body as sent, without following anything."""
    request = urllib.request.Request(url, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


if __name__ == "__main__":
    main()
