"""Looks into newsboat's cache after three loads of one feed; called by check_newsboat.sh.

    newsboat_cache.py URL CACHE.db PRINT_UNREAD_OUTPUT LOG_OF_THE_THIRD_LOAD [EXPECTED.json]
"""

import re
import sqlite3
import sys

from expectations import Report


def main():
    url, cache, unread, log = sys.argv[1:5]
    report = Report(*sys.argv[5:])
    database = sqlite3.connect(cache)
    feeds = database.execute("SELECT rssurl, url, title, etag, lastmodified FROM rss_feed").fetchall()
    report.equal(f"{url}: feeds in the cache", [feed[0] for feed in feeds], [url])
    for _, home, title, tag, modified in feeds:
        report.true(url, re.match(r"https?://", home), f"has no home page: {home!r}")
        report.true(url, tag and modified, f"was stored without validators: {tag!r}, {modified!r}")
        if "title" in report.expected:
            report.equal(f"{url}: title", title, report.expected["title"])
    # In the order in which newsboat was given them: it writes the last item first.
    rows = database.execute("SELECT guid, title, url, author, pubDate, content FROM rss_item ORDER BY id DESC")
    keys = ("id", "title", "link", "author", "published", "content")
    items = [dict(zip(keys, row)) for row in rows]
    report.items(url, items)
    report.equal(f"{url}: what is unread", unread.strip(), f"{len(items)} unread articles")
    check_conditional(report, url, log)
    report.end()


def check_conditional(report, url, log):
    """A load that succeeds and retrieves nothing is a 304."""
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    retrieved = re.findall(r"retrieved data for \S+: (.*)", text)
    report.true(url, "ret = 0 (No error)" in text, "could not be loaded a third time")
    report.equal(f"{url}: what was sent the third time", [data[:80] for data in retrieved], [""])


if __name__ == "__main__":
    main()
