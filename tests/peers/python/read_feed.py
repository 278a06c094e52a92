"""Reads feeds as feedparser does and prints what it understood, as JSON: one object per address."""

import json
import sys

import feedparser

FEED_FIELDS = ("title", "subtitle", "link", "links", "language", "updated", "published", "image", "id", "generator")
ENTRY_FIELDS = (
    "id guidislink title title_detail link links author authors published published_parsed updated updated_parsed "
    "summary summary_detail content tags media_content media_thumbnail language enclosures"
).split()


def read(address: str) -> dict:
    found = feedparser.parse(address)
    return {
        "status": found.get("status"),
        "etag": found.get("etag"),
        "modified": found.get("modified"),
        "version": found.version,
        "bozo": bool(found.bozo),
        "bozo_exception": str(found.get("bozo_exception", "")),
        "namespaces": found.namespaces,
        "feed": pick(found.feed, FEED_FIELDS),
        "entries": [pick(entry, ENTRY_FIELDS) for entry in found.entries],
        "not_modified": asked_again(address, found),
    }


def asked_again(address: str, found) -> bool:
    """Does a second, conditional request get 304?"""
    if not found.get("status"):
        return False
    again = feedparser.parse(address, etag=found.get("etag"), modified=found.get("modified"))
    return again.get("status") == 304


def pick(mapping, fields) -> dict:
    return {field: mapping[field] for field in fields if field in mapping}


print(json.dumps([read(address) for address in sys.argv[1:]]))
