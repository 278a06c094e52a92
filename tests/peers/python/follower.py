"""A follower on another server, for deploy/test: an actor, an inbox that writes down what comes, and a signed Follow.

    follower.py serve PLACE            on http://127.0.0.1:9000, which a web server shows as https://social.example
    follower.py follow PLACE ACTOR     asks to follow

PLACE is a directory with the actor's `key.pem`. The inbox writes a line into its file `heard` for each activity (type, id
and object), and answers with the status in its file `answer`, 202 without one.
"""

import base64
import email.utils
import hashlib
import http.server
import json
import pathlib
import subprocess
import sys
import urllib.parse
import urllib.request

ACTOR = "https://social.example/users/bob"
ACTIVITY_JSON = "application/activity+json"
ACTIVITYSTREAMS = "https://www.w3.org/ns/activitystreams"


def openssl(*arguments, text=b""):
    return subprocess.run(["openssl", *arguments], input=text, stdout=subprocess.PIPE, check=True).stdout


def document(place):
    pem = openssl("pkey", "-in", str(place / "key.pem"), "-pubout").decode()
    return {
        "@context": [ACTIVITYSTREAMS, "https://w3id.org/security/v1"],
        "id": ACTOR,
        "type": "Person",
        "preferredUsername": "bob",
        "inbox": ACTOR + "/inbox",
        "publicKey": {"id": ACTOR + "#main-key", "owner": ACTOR, "publicKeyPem": pem},
    }


def serve(place):
    class Door(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = urllib.parse.urlsplit(self.path).path
            if path == "/.well-known/webfinger":
                links = [{"rel": "self", "type": ACTIVITY_JSON, "href": ACTOR}]
                return self.say(200, {"subject": "acct:bob@social.example", "links": links})
            if path == "/users/bob":
                return self.say(200, document(place))
            return self.say(404, {})

        def do_POST(self):
            activity = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = place / "answer"
            status = int(answer.read_text()) if answer.exists() else 202
            if status < 300:
                thing = activity["object"]
                thing = thing["id"] if isinstance(thing, dict) else thing
                with (place / "heard").open("a") as heard:
                    heard.write(f"{activity['type']} {activity['id']} {thing}\n")
            self.say(status, {})

        def say(self, status, body):
            body = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", ACTIVITY_JSON)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    http.server.ThreadingHTTPServer(("127.0.0.1", 9000), Door).serve_forever()


def follow(place, actor):
    inbox = urllib.parse.urlsplit(actor + "/inbox")
    follow = {"@context": ACTIVITYSTREAMS, "id": ACTOR + "#follow", "type": "Follow", "actor": ACTOR, "object": actor}
    body = json.dumps(follow).encode()
    headers = {
        "Host": inbox.netloc,
        "Date": email.utils.formatdate(usegmt=True),
        "Digest": "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }
    lines = [f"(request-target): post {inbox.path}", *(f"{name.lower()}: {value}" for name, value in headers.items())]
    signature = openssl("dgst", "-sha256", "-sign", str(place / "key.pem"), text="\n".join(lines).encode())
    headers["Signature"] = (
        f'keyId="{ACTOR}#main-key",algorithm="rsa-sha256",headers="(request-target) host date digest",'
        f'signature="{base64.b64encode(signature).decode()}"'
    )
    headers["Content-Type"] = ACTIVITY_JSON
    with urllib.request.urlopen(urllib.request.Request(inbox.geturl(), body, headers)) as answer:
        print(answer.status)


if __name__ == "__main__":
    command, place, *rest = sys.argv[1:]
    {"serve": serve, "follow": follow}[command](pathlib.Path(place), *rest)
