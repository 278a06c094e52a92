// Is the peer itself sound? Two of them follow each other and talk, before reviewd is judged by one.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, describe, test } from "node:test";

const HERE = import.meta.dirname;
const WAIT_SECONDS = 20;
const folder = mkdtempSync(join(tmpdir(), "reviewd-fedify-"));
const children = [];
after(() => {
  for (const child of children) child.stdin.end();
  rmSync(folder, { recursive: true });
});

for (const scheme of ["http", "https"]) {
  describe(`two peers over ${scheme}`, async () => {
    const certificate = scheme === "https" ? makeCertificate() : null;
    if (scheme === "https" && certificate == null) return test.skip("openssl is not installed");
    const start = (...more) => startServer("server.mjs", certificate, ...more);
    // One prefers each kind of signature, so that both are spoken and both are verified.
    const [home, away] = await Promise.all([
      start("--people", "bob,carol"),
      start("--people", "ana", "--first-knock", "draft-cavage-http-signatures-12"),
    ]);
    const [bob, ana] = [asker(home), asker(away)];
    const handle = (name, server) => `@${name}@localhost:${server.port}`;
    const anaTarget = scheme === "https" ? handle("ana", away) : away.actors.ana;

    test("a follow is accepted and both sides know it", async () => {
      await bob.post("follow", { target: anaTarget });
      assert.equal((await bob.await("Accept")).actor, away.actors.ana);
      assert.deepEqual((await bob.get("people"))[0].following, [away.actors.ana]);
      assert.deepEqual((await ana.get("people"))[0].followers, [home.actors.bob]);
    });

    test("a post, its edit and its end reach the follower", async () => {
      const { note } = await ana.post("post", { html: "<p>Read Dune.</p>" });
      assert.equal((await bob.await("Create")).raw.object.content, "<p>Read Dune.</p>");
      await ana.post("edit", { note, html: "<p>Read Dune twice.</p>" });
      const update = await bob.await("Update");
      assert.equal(update.raw.object.content, "<p>Read Dune twice.</p>");
      assert.ok(update.raw.object.updated);
      assert.equal((await bob.get("find", { resource: note })).content, "<p>Read Dune twice.</p>");
      await ana.post("delete", { note });
      assert.equal((await bob.await("Delete")).raw.object.type, "Tombstone");
      assert.equal((await fetchQuietly(note, certificate)).status, 410);
    });

    test("a reply mentions the author and can be changed and taken back", async () => {
      const { note } = await ana.post("post", { html: "<p>Read Emma.</p>" });
      const reply = await bob.post("reply", { note, html: "<p>I did.</p>" });
      const create = await ana.await("Create");
      assert.equal(create.id, reply.activity);
      assert.equal(create.raw.object.inReplyTo, note);
      assert.equal([create.raw.object.tag].flat()[0].href, away.actors.ana);
      assert.ok([create.raw.cc].flat().includes(away.actors.ana));
      await bob.post("edit", { note: reply.note, html: "<p>I did, twice.</p>" });
      assert.equal((await ana.await("Update")).raw.object.id, reply.note);
      await bob.post("delete", { note: reply.note });
      assert.equal((await ana.await("Delete")).raw.object.id, reply.note);
    });

    test("likes, boosts and reactions come and go", async () => {
      const { note } = await ana.post("post", { html: "<p>Read Solaris.</p>" });
      for (const [deed, type, more] of [["like", "Like"], ["boost", "Announce"], ["react", "EmojiReact", { emoji: "📚" }]]) {
        const { activity } = await bob.post(deed, { note, ...more });
        assert.equal((await ana.await(type)).id, activity);
        await bob.post("undo", { activity });
        assert.equal((await ana.await("Undo")).raw.object.id, activity);
      }
    });

    test("a quote asks the author for a stamp", async () => {
      const { note } = await ana.post("post", { html: "<p>Read Ubik.</p>" });
      const quote = await bob.post("quote", { note, html: "<p>So true.</p>" });
      assert.equal((await ana.await("QuoteRequest")).id, quote.request);
    });

    test("a second person acts from the same server", async () => {
      await bob.post("follow", { target: anaTarget, as: "carol" });
      assert.equal((await ana.await("Follow")).actor, home.actors.carol);
    });

    test("an unfollow is understood", async () => {
      await bob.post("unfollow", { target: anaTarget });
      await ana.await("Undo");
      assert.ok(!(await ana.get("people"))[0].followers.includes(home.actors.bob));
    });

    test("an unsigned post is refused and shown with its status", async () => {
      const follow = { "@context": "https://www.w3.org/ns/activitystreams", type: "Follow", actor: away.actors.ana };
      const body = JSON.stringify({ ...follow, id: `${away.origin}/f/1`, object: home.actors.bob });
      const answer = await fetchQuietly(`${home.origin}/inbox`, certificate, body);
      assert.equal(answer.status, 401);
      const refused = (await bob.get("posts", { wait: WAIT_SECONDS })).at(-1);
      assert.deepEqual([refused.status, refused.id, refused.refusal.type], [401, `${away.origin}/f/1`, "noSignature"]);
    });
  });
}

test("TLS can be put in front of a server that has none", async (t) => {
  const certificate = makeCertificate();
  if (certificate == null) return t.skip("openssl is not installed");
  const front = await startServer("front.mjs", certificate);
  assert.equal((await fetchQuietly(front.origin, certificate)).status, 502);
  const plain = createServer((request, response) => response.end(JSON.stringify(request.headers)));
  await new Promise((resolve) => plain.listen(0, "127.0.0.1", resolve));
  front.say(plain.address().port);
  await front.line();
  const seen = JSON.parse((await fetchQuietly(front.origin, certificate)).body);
  assert.equal(seen["x-forwarded-proto"], "https");
  assert.equal(seen.host, `localhost:${front.port}`);
  plain.close();
});

// A self-signed certificate for localhost is its own authority.
function makeCertificate() {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"];
  try {
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-out", cert, "-keyout", key, ...subject], {
      stdio: "ignore",
    });
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
  return { cert, key };
}

async function startServer(script, certificate, ...more) {
  const tls = certificate == null ? [] : ["--cert", certificate.cert, "--key", certificate.key];
  const env = { ...process.env, ...(certificate && { NODE_EXTRA_CA_CERTS: certificate.cert }) };
  const child = spawn(process.execPath, [join(HERE, script), ...tls, ...more], {
    stdio: ["pipe", "pipe", "inherit"],
    env,
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => JSON.parse((await lines.next()).value);
  return { ...(await line()), line, say: (text) => child.stdin.write(`${text}\n`) };
}

// Asks a server's control port; remembers how far its ledger was read.
function asker({ control }) {
  const ask = async (path, init) => {
    const response = await fetch(`http://127.0.0.1:${control}/${path}`, init);
    const answer = await response.json();
    if (!response.ok) throw new Error(`${path}: ${answer.error}`);
    return answer;
  };
  let seen = 0;
  return {
    get: (path, query = {}) => ask(`${path}?${new URLSearchParams(query)}`),
    post: (path, body) => ask(path, { method: "POST", body: JSON.stringify(body) }),
    async await(type) {
      const query = new URLSearchParams({ after: seen, wait: WAIT_SECONDS, type });
      const [first] = await ask(`received?${query}`);
      assert.ok(first, `no ${type} came within ${WAIT_SECONDS} s`);
      seen = first.seq;
      return first;
    },
  };
}

// Asks from a process that trusts the certificate, which this one was not told to do when it started.
async function fetchQuietly(url, certificate, body) {
  const script = `const [url, body] = process.argv.slice(1);
    const headers = { Accept: "application/activity+json", "Content-Type": "application/activity+json" };
    const answer = await fetch(url, { headers, ...(body && { method: "POST", body }) });
    console.log(JSON.stringify({ status: answer.status, body: await answer.text() }));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, url, ...(body ? [body] : [])], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...(certificate && { NODE_EXTRA_CA_CERTS: certificate.cert }) },
  });
  return JSON.parse(Buffer.concat(await Array.fromAsync(child.stdout)).toString("utf8"));
}
