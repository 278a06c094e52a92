"""Has newsboat fetch feeds into a cache of its own and prints the articles it kept, as JSON.

Usage: read_newsboat.py NEWSBOAT ADDRESS…
"""

import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

SECONDS_MAX = 60


def main(newsboat: str, *addresses: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        (home / "urls").write_text("".join(f"{address}\n" for address in addresses))
        (home / "config").write_text("download-retries 1\n")
        subprocess.run(
            [newsboat, "-u", home / "urls", "-C", home / "config", "-c", home / "cache.db", "-x", "reload"],
            env={**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            timeout=SECONDS_MAX,
            check=True,
        )
        print(json.dumps({"feeds": rows(home, FEEDS), "articles": rows(home, ARTICLES)}))


FEEDS = "SELECT rssurl AS address, url AS home, title FROM rss_feed ORDER BY rssurl"
ARTICLES = """SELECT feedurl AS address, guid, title, author, url AS link, pubDate AS published, content
              FROM rss_item ORDER BY feedurl, id"""


def rows(home: pathlib.Path, query: str) -> list[dict]:
    cache = sqlite3.connect(home / "cache.db")
    cache.row_factory = sqlite3.Row
    return [dict(row) for row in cache.execute(query)]


main(*sys.argv[1:])
