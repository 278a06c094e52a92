// TLS in front of a server that has none, as a reverse proxy in production: keeps the Host, adds
// X-Forwarded-Proto and X-Forwarded-For.
//
//   node front.mjs --cert FILE --key FILE
//
// Prints {"origin","port"} on stdout, then reads lines from stdin: the port on 127.0.0.1 to which everything
// goes. The address is known before the server behind it starts, which needs it as its origin. Requests before
// the first line, or while nothing listens behind it, get 502. It ends when its stdin closes.

import { readFileSync } from "node:fs";
import { request as ask } from "node:http";
import { createServer } from "node:https";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({ options: { cert: { type: "string" }, key: { type: "string" } } });

let upstreamPort = null;
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  upstreamPort = Number(line);
  console.log(JSON.stringify({ upstream: upstreamPort }));
});
lines.on("close", () => process.exit(0));

const server = createServer({ cert: readFileSync(options.cert), key: readFileSync(options.key) }, (request, response) => {
  if (upstreamPort == null) return badGateway(response);
  const { method, url: path, headers } = request;
  const forwarded = { ...headers, "x-forwarded-proto": "https", "x-forwarded-for": request.socket.remoteAddress };
  const inner = ask({ host: "127.0.0.1", port: upstreamPort, method, path, headers: forwarded }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  inner.on("error", () => badGateway(response));
  request.pipe(inner);
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  console.log(JSON.stringify({ origin: `https://localhost:${port}`, port }));
});

function badGateway(response) {
  if (!response.headersSent) response.writeHead(502);
  response.end();
}
