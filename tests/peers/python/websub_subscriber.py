"""Subscribes to a feed by WebSub as a reader does: finds hub and topic in the feed's headers, confirms, and waits.

websub_subscriber.py FEED [PORT]

Each line it prints is a JSON object: `subscribed` once the hub's question was answered, then `pushed` for each push with its
length, type, links, whether its signature is right, and the titles that feedparser finds in it. Ends with its stdin.
"""

import hashlib
import hmac
import http.server
import json
import re
import sys
import threading
import urllib.parse
import urllib.request

import feedparser

SECRET = "a secret between the two of us"
TOPIC = {}


def tell(**line) -> None:
    print(json.dumps(line), flush=True)


class Callback(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        wanted = query.get("hub.topic") == TOPIC.get("self") and query.get("hub.mode") == "subscribe"
        body = query.get("hub.challenge", "").encode() if wanted else b""
        self.send_response(200 if wanted else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if wanted:
            tell(subscribed=query["hub.topic"], lease=int(query["hub.lease_seconds"]))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        read = feedparser.parse(body)
        tell(
            pushed=len(body),
            content_type=self.headers["Content-Type"],
            links=links(self.headers.get_all("Link")),
            signed=hmac.compare_digest(expected, self.headers.get("X-Hub-Signature", "")),
            bozo=bool(read.bozo),
            titles=[entry.title for entry in read.entries],
        )

    def log_message(self, *_):
        pass


def links(headers) -> dict:
    return {rel: url for url, rel in re.findall(r'<([^>]*)>; *rel="?(\w+)"?', ", ".join(headers or []))}


def main() -> None:
    feed, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Callback)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with urllib.request.urlopen(feed) as answer:
        TOPIC.update(links(answer.headers.get_all("Link")))
    form = {
        "hub.mode": "subscribe",
        "hub.topic": TOPIC["self"],
        "hub.callback": f"http://127.0.0.1:{server.server_port}/callback?feed=1",
        "hub.secret": SECRET,
        "hub.verify": "async",
    }
    with urllib.request.urlopen(TOPIC["hub"], urllib.parse.urlencode(form).encode()) as answer:
        assert answer.status == 202, answer.status
    sys.stdin.read()


main()
