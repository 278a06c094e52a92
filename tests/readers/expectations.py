"""What every reader must find in the feeds of a running reviewd, whichever reader asks.

A reader turns what it found into items, dictionaries with `id`, `title`, `link`, `author`, `published` (seconds since
1970), `content` (HTML) and whatever else it understands (`updated`, `cover`, `rating`, `isbn`, `tags`). `Report.items`
holds them against the rules that always hold, and against an expectation:

    {
      "title": "Ana's books",
      "items": [{
        "id": "urn:uuid:...", "title": "...", "link": "...", "author": "...", "published": "2026-11-19T09:00:00Z",
        "updated": "...", "cover": "https://...", "rating": "4.5", "isbn": "978...", "tags": ["..."],
        "contains": ["<p>text of the content"]
      }],
      "absent": ["a spoiler"]
    }

Every key may be left out; what is not named is not compared. `items` is the whole feed, newest first.
"""

import datetime
import json
import re
import sys
import time

# Clocks of two machines may differ by so much, in seconds.
CLOCK_SKEW = 60

ADDRESS = re.compile(r"""\s(?:src|href|cite|poster)\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
ABSOLUTE = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)


class Report:
    """Collects what is wrong, prints it, and ends the program with 0 or 1."""

    def __init__(self, expected_file=None):
        self.failures = 0
        self.expected = {}
        if expected_file:
            with open(expected_file, encoding="utf-8") as file:
                self.expected = json.load(file)

    def equal(self, where, found, expected):
        self.true(where, found == expected, f"is {found!r}, not {expected!r}")

    def true(self, where, holds, otherwise):
        if not holds:
            self.failures += 1
            print(f"FAIL {where}: {otherwise}")

    def items(self, where, found):
        """Holds the items of one feed against the rules and the expectation."""
        before = self.failures
        ids = [item["id"] for item in found]
        self.equal(f"{where}: number of different ids", len(set(ids)), len(ids))
        for item in found:
            self.rules(f"{where}: {item['id']}", item)
        if "items" in self.expected:
            self.equal(f"{where}: ids", ids, [item["id"] for item in self.expected["items"]])
            by_id = {item["id"]: item for item in found}
            for item in self.expected["items"]:
                if item["id"] in by_id:
                    self.item(f"{where}: {item['id']}", by_id[item["id"]], item)
        if before == self.failures:
            print(f"ok   {where}: {len(found)} items")

    def rules(self, where, item):
        """What holds for every item of every feed."""
        self.true(where, item["title"].strip(), "has no title")
        self.true(where, "<" not in item["title"], f"has markup in its title: {item['title']!r}")
        self.true(where, item["content"].strip(), "has no content")
        self.true(where, ABSOLUTE.match(item["link"]), f"has no absolute link: {item['link']!r}")
        self.true(where, item["id"] != item["link"], "has its address for an id")
        self.true(where, item["published"] <= time.time() + CLOCK_SKEW, "was published in the future")
        for address in ADDRESS.findall(item["content"]):
            self.true(where, ABSOLUTE.match(address), f"has an address that is not absolute: {address!r}")
        for text in self.expected.get("absent", []):
            told = [key for key, value in item.items() if text in str(value)]
            self.true(where, not told, f"tells {text!r} in {told}")

    def item(self, where, found, expected):
        """What the expectation says of one item."""
        for key, value in expected.items():
            if key == "contains":
                for text in value:
                    self.true(where, text in found["content"], f"does not contain {text!r}: {found['content'][:500]!r}")
            elif key in found:
                value = seconds(value) if key in ("published", "updated") else value
                self.equal(f"{where}: {key}", found[key], value)

    def end(self):
        if self.failures:
            print(f"{self.failures} failures")
        sys.exit(1 if self.failures else 0)


def seconds(text):
    """Seconds since 1970 of an RFC 3339 date."""
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())
