// A small remote server of the fediverse built on Fedify, for reviewd's tests.
//
//   node server.mjs [--cert FILE --key FILE] [--people bob,carol] [--first-knock SPEC]
//
// With a certificate it lives at https://localhost:PORT, without one at http://localhost:PORT; it listens on
// 127.0.0.1 on a free port. One line of JSON on stdout tells where it is; it ends when its stdin closes, so that
// it never outlives the test that started it.
//
// What works on loopback: Fedify looks a handle up by https only, so `@ana@localhost:PORT` needs TLS on the
// other side too (front.mjs gives it to a server that has none); an actor's id or a page's address works over
// plain http as well. NODE_EXTRA_CA_CERTS names the authority that signed the other side's certificate. Plain
// http and https servers can federate with each other, when each is given the other's ids.

import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { parseArgs } from "node:util";
import { control } from "./control.mjs";
import { federate } from "./federation.mjs";
import { Ledger } from "./ledger.mjs";
import { People } from "./people.mjs";

const { values: options } = parseArgs({
  options: {
    cert: { type: "string" },
    key: { type: "string" },
    people: { type: "string", default: "bob" },
    "first-knock": { type: "string", default: "rfc9421" },
  },
});

const received = new Ledger();
const posts = new Ledger();
const people = new People(options.people.split(","));

const secure = options.cert != null;
const server = secure
  ? createHttpsServer({ cert: readFileSync(options.cert), key: readFileSync(options.key) })
  : createHttpServer();
const port = await listen(server);
const origin = `${secure ? "https" : "http"}://localhost:${port}`;
const federation = federate({ origin, people, received, firstKnock: options["first-knock"] });
server.on("request", (request, response) => serve(request, response).catch((error) => fail(response, error)));

const controlPort = await listen(control({ federation, origin, people, received, posts }));
const actors = Object.fromEntries(people.handles.map((handle) => [handle, `${origin}/users/${handle}`]));
console.log(JSON.stringify({ origin, port, control: controlPort, actors }));

process.stdin.on("end", () => process.exit(0));
process.stdin.resume();

function listen(listener) {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(0, "127.0.0.1", () => resolve(listener.address().port));
  });
}

async function serve(request, response) {
  const body = Buffer.concat(await Array.fromAsync(request)).toString("utf8");
  const data = { body, path: request.url };
  const fedifyRequest = new Request(new URL(request.url, origin), {
    method: request.method,
    headers: new Headers(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
    body: body === "" ? undefined : body,
  });
  const answer = goneNote(fedifyRequest) ?? (await federation.fetch(fedifyRequest, { contextData: data }));
  if (request.method === "POST") recordPost(request, data, answer.status);
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
}

// A deleted post answers 410 with its Tombstone, as Mastodon's does; Fedify's dispatcher knows only 404.
function goneNote(request) {
  const [, handle, uuid] = new URL(request.url).pathname.match(/^\/users\/([^/]+)\/notes\/([^/]+)$/) ?? [];
  if (!people.find(handle)?.notes.get(uuid)?.deleted) return null;
  const tombstone = { "@context": "https://www.w3.org/ns/activitystreams", id: request.url, type: "Tombstone" };
  return Response.json(tombstone, { status: 410, headers: { "Content-Type": "application/activity+json" } });
}

function recordPost(request, { body, path, refusal }, status) {
  let activity = {};
  try {
    activity = JSON.parse(body);
  } catch {
    // Not JSON: the status says what Fedify made of it.
  }
  const { id, type } = activity;
  posts.record({ path, status, id, type, headers: request.headers, refusal: refusal && describeRefusal(refusal) });
}

function describeRefusal(refusal) {
  return JSON.parse(JSON.stringify(refusal, (_key, value) => (value instanceof URL ? value.href : value)));
}

function fail(response, error) {
  console.error(error);
  if (!response.headersSent) response.writeHead(500);
  response.end();
}
