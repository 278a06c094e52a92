// The test's side of this server, plain HTTP on its own loopback port, JSON in and out:
//
//   POST /follow {target}                 target: `@handle@host:port` (looked up by WebFinger) or an actor's id
//   POST /unfollow {target}
//   POST /reply {note, html, summary?}    → {activity, note}
//   POST /quote {note, html}              → {activity, note, request}
//   POST /post {html}                     → {activity, note}
//   POST /edit {note, html}               note: what reply, quote or post returned
//   POST /delete {note}
//   POST /like {note}  /boost {note}  /react {note, emoji}
//   POST /undo {activity}                 a like, boost or reaction, by its activity's id
//   POST /block {target}  /flag {target, note?, text}  /rename {name, target?}
//   GET  /received?after=N&wait=S&type=T  verified activities numbered above N, waiting up to S seconds for one
//   GET  /posts?after=N&wait=S            every POST to an inbox with the status it got, refused ones included
//   GET  /find?resource=R                 what pasting R into the search field finds, as compact JSON-LD
//   GET  /webfinger?resource=R
//   GET  /people                          followers and followed of everyone
//
// Every request takes `as` (in the body or the query), the handle of who acts: the first person unless said.
// A deed answers when the other side has taken it, and 422 with {error} when it has not.

import { createServer } from "node:http";
import { Deeds } from "./deeds.mjs";

const WAIT_SECONDS_MAX = 60;
const DEEDS = new Set(
  "follow unfollow reply quote post edit delete like react boost undo block flag rename".split(" "),
);

export function control({ federation, origin, people, received, posts }) {
  return createServer(async (request, response) => {
    const answer = (status, body) => {
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(JSON.stringify(body));
    };
    try {
      const { pathname, searchParams } = new URL(request.url, "http://control");
      const name = pathname.slice(1);
      const question = request.method === "POST" ? await readJson(request) : Object.fromEntries(searchParams);
      const person = people.find(question.as ?? people.handles[0]);
      if (person == null) return answer(404, { error: `nobody here is called ${question.as}` });
      const context = federation.createContext(new URL(origin), {});
      const deeds = new Deeds(context, person);

      if (request.method === "POST" && DEEDS.has(name)) return answer(200, await deeds[name](question));
      if (request.method !== "GET") return answer(404, { error: `no deed ${name}` });
      switch (name) {
        case "received":
          return answer(200, await entries(received, question, (entry) => !question.type || entry.type === question.type));
        case "posts":
          return answer(200, await entries(posts, question));
        case "find": {
          const found = await deeds.find(question.resource);
          return answer(200, await found.toJsonLd({ format: "compact", contextLoader: context.contextLoader }));
        }
        case "webfinger":
          return answer(200, await deeds.webfinger(question.resource));
        case "people":
          return answer(200, people.handles.map((handle) => describe(people.find(handle))));
        default:
          return answer(404, { error: `no ${name} here` });
      }
    } catch (error) {
      answer(422, { error: String(error?.message ?? error), cause: error?.cause && String(error.cause) });
    }
  });
}

function entries(ledger, { after = "0", wait = "0" }, wanted) {
  return ledger.since(Number(after), Math.min(Number(wait), WAIT_SECONDS_MAX), wanted);
}

function describe({ handle, followers, following }) {
  return { handle, followers: [...followers.keys()], following: [...following] };
}

async function readJson(request) {
  const chunks = await Array.fromAsync(request);
  return JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}");
}
