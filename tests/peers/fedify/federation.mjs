// How this server federates: Fedify with its own routes, signatures and JSON-LD. What reviewd sends is judged by
// Fedify alone; nothing here repairs or forgives.

import { createFederation, InProcessMessageQueue, MemoryKvStore } from "@fedify/fedify";
import { Accept, Activity, Endpoints, Follow, Note, Person, Undo } from "@fedify/fedify/vocab";

// `firstKnock`: how an unknown server is first approached, `rfc9421` (Fedify's default) or
// `draft-cavage-http-signatures-12`; the other one follows on a refusal.
export function federate({ origin, people, received, firstKnock }) {
  const federation = createFederation({
    kv: new MemoryKvStore(),
    // Only what is sent is queued: an inbox answers when its listener is done, so 202 means "recorded".
    queue: { outbox: new InProcessMessageQueue() },
    origin,
    firstKnock,
    allowPrivateAddress: true, // both sides live on loopback
  });

  federation
    .setActorDispatcher("/users/{identifier}", async (context, identifier) => {
      const person = people.find(identifier);
      if (person == null) return null;
      const keys = await context.getActorKeyPairs(identifier);
      return new Person({
        id: context.getActorUri(identifier),
        preferredUsername: identifier,
        name: person.name,
        summary: "<p>Reads other people's reviews.</p>",
        url: new URL(`/@${identifier}`, origin),
        inbox: context.getInboxUri(identifier),
        outbox: context.getOutboxUri(identifier),
        followers: context.getFollowersUri(identifier),
        endpoints: new Endpoints({ sharedInbox: context.getInboxUri() }),
        manuallyApprovesFollowers: false,
        publicKey: keys[0].cryptographicKey,
        assertionMethods: keys.map((key) => key.multikey),
      });
    })
    .setKeyPairsDispatcher(async (_context, identifier) => (await people.find(identifier)?.keys()) ?? []);

  federation
    .setFollowersDispatcher("/users/{identifier}/followers", (_context, identifier) => {
      const person = people.find(identifier);
      return person == null ? null : { items: [...person.followers.values()] };
    })
    .setCounter((_context, identifier) => people.find(identifier)?.followers.size ?? null);

  federation.setOutboxDispatcher("/users/{identifier}/outbox", (_context, identifier) =>
    people.find(identifier) == null ? null : { items: [] },
  );

  federation.setObjectDispatcher(Note, "/users/{identifier}/notes/{uuid}", (_context, { identifier, uuid }) => {
    const written = people.find(identifier)?.notes.get(uuid);
    return written == null || written.deleted ? null : written.note;
  });

  federation
    .setInboxListeners("/users/{identifier}/inbox", "/inbox")
    .on(Activity, async (context, activity) => {
      if (activity instanceof Follow) await acceptFollow(context, people, activity);
      if (activity instanceof Undo) await forgetFollow(context, people, activity);
      if (activity instanceof Accept) noteAccept(people, activity);
      const raw = JSON.parse(context.data.body);
      received.record({ type: raw.type, id: raw.id, actor: activity.actorId?.href, inbox: context.data.path, raw });
    })
    // Both are shown in /posts, beside the 401 and the 500.
    .onUnverifiedActivity((context, _activity, reason) => {
      context.data.refusal = reason;
    })
    .onError((context, error) => {
      context.data.refusal = { type: "listenerFailed", error: String(error) };
    });

  return federation;
}

async function acceptFollow(context, people, follow) {
  const target = follow.objectId == null ? null : context.parseUri(follow.objectId);
  if (target?.type !== "actor" || people.find(target.identifier) == null) return;
  const follower = await follow.getActor(context);
  if (follower?.id == null) return;
  people.find(target.identifier).followers.set(follower.id.href, follower);
  const accept = new Accept({
    id: new URL(`/accepts/${crypto.randomUUID()}`, context.origin),
    actor: context.getActorUri(target.identifier),
    to: follower.id,
    object: follow,
  });
  await context.sendActivity({ identifier: target.identifier }, follower, accept);
}

async function forgetFollow(context, people, undo) {
  const undone = await undo.getObject(context);
  if (!(undone instanceof Follow) || undone.objectId == null) return;
  const target = context.parseUri(undone.objectId);
  if (target?.type === "actor") people.find(target.identifier)?.followers.delete(undo.actorId?.href);
}

// The embedded Follow is ours, so it is looked up among what we sent: Fedify would not trust another server's copy
// of it. Only the followed actor may accept.
function noteAccept(people, accept) {
  for (const person of people.everyone) {
    const follow = person.sent.get(accept.objectId?.href);
    if (follow instanceof Follow && follow.objectId?.href === accept.actorId?.href) {
      person.following.add(accept.actorId.href);
    }
  }
}
