// What a person on this server does when a test asks: follow, reply, like, boost, quote, change their mind.
// Every deed is sent at once and fails loudly: a refused delivery is an error of the control request.

import {
  Announce,
  Block,
  Create,
  Delete,
  EmojiReact,
  Flag,
  Follow,
  Like,
  Mention,
  Note,
  PUBLIC_COLLECTION,
  QuoteRequest,
  Tombstone,
  Undo,
  Update,
  isActor,
} from "@fedify/fedify/vocab";
import { Temporal } from "@js-temporal/polyfill";

export class Deeds {
  #context;
  #person;

  constructor(context, person) {
    this.#context = context;
    this.#person = person;
  }

  // What pasting `resource` (a handle, an id or the address of a page) into the search field finds.
  async find(resource) {
    const documentLoader = await this.#context.getDocumentLoader({ identifier: this.#person.handle });
    const found = await this.#context.lookupObject(resource, { documentLoader });
    if (found == null) throw new Error(`nothing found at ${resource}`);
    return found;
  }

  async webfinger(resource) {
    const found = await this.#context.lookupWebFinger(resource);
    if (found == null) throw new Error(`WebFinger knows no ${resource}`);
    return found;
  }

  async follow({ target }) {
    const followed = await this.#findActor(target);
    return this.#send(followed, new Follow({ ...this.#head("follows"), object: followed.id, to: followed.id }));
  }

  async unfollow({ target }) {
    const followed = await this.#findActor(target);
    this.#person.following.delete(followed.id.href);
    const follow = [...this.#person.sent.values()].findLast(
      (sent) => sent instanceof Follow && sent.objectId?.href === followed.id.href,
    );
    if (follow == null) throw new Error(`${this.#person.handle} never followed ${followed.id.href}`);
    return this.#undo(followed, follow);
  }

  // A public answer: mentions and addresses the author, as Mastodon does.
  async reply({ note, html, language, summary }) {
    const parent = await this.find(note);
    const author = await this.#authorOf(parent);
    return this.#publish(author, { content: html, replyTarget: parent.id, summary, language });
  }

  // A quote post, and the request for the author's stamp (FEP-044f).
  async quote({ note, html }) {
    const quoted = await this.find(note);
    const author = await this.#authorOf(quoted);
    const published = await this.#publish(author, { content: html, quoteUrl: quoted.id });
    const { note: quoting } = this.#written(published.note);
    const request = new QuoteRequest({
      ...this.#head("quote-requests"),
      to: author.id,
      object: quoted.id,
      instrument: quoting,
    });
    const asked = await this.#send(author, request);
    return { ...published, request: asked.activity };
  }

  async edit({ note, html }) {
    const written = this.#written(note);
    written.note = written.note.clone({ content: html, updated: Temporal.Now.instant() });
    return this.#send(
      written.recipients,
      new Update({ ...this.#head("updates"), object: written.note, ...audienceOf(written.note) }),
    );
  }

  async delete({ note }) {
    const written = this.#written(note);
    written.deleted = true;
    return this.#send(
      written.recipients,
      new Delete({ ...this.#head("deletes"), object: new Tombstone({ id: written.note.id }), to: PUBLIC_COLLECTION }),
    );
  }

  async like({ note }) {
    const { target, author } = await this.#post(note);
    return this.#send(author, new Like({ ...this.#head("likes"), object: target.id, to: author.id }));
  }

  async react({ note, emoji }) {
    const { target, author } = await this.#post(note);
    const reaction = new EmojiReact({ ...this.#head("reactions"), object: target.id, content: emoji, to: author.id });
    return this.#send(author, reaction);
  }

  async boost({ note }) {
    const { target, author } = await this.#post(note);
    const boost = new Announce({
      ...this.#head("boosts"),
      object: target.id,
      published: Temporal.Now.instant(),
      to: PUBLIC_COLLECTION,
      ccs: [this.#followersUri, author.id],
    });
    return this.#send([author, ...this.#person.followers.values()], boost);
  }

  async block({ target }) {
    const blocked = await this.#findActor(target);
    return this.#send(blocked, new Block({ ...this.#head("blocks"), object: blocked.id, to: blocked.id }));
  }

  async flag({ target, note, text }) {
    const flagged = await this.#findActor(target);
    const objects = [flagged.id, ...(note == null ? [] : [new URL(note)])];
    return this.#send(flagged, new Flag({ ...this.#head("flags"), objects, content: text, to: flagged.id }));
  }

  // Takes back any earlier deed by the id of its activity: a like, a boost, a reaction, a block.
  async undo({ activity, target }) {
    const undone = this.#person.sent.get(activity);
    if (undone == null) throw new Error(`${this.#person.handle} never sent ${activity}`);
    const object = await this.find(target ?? undone.objectId.href);
    return this.#undo(isActor(object) ? object : await this.#authorOf(object), undone);
  }

  // A new display name, told to followers and to `target`.
  async rename({ name, target }) {
    this.#person.name = name;
    const told = target == null ? [] : [await this.#findActor(target)];
    const actor = await this.#context.getActor(this.#person.handle);
    return this.#send(
      [...told, ...this.#person.followers.values()],
      new Update({ ...this.#head("updates"), object: actor, to: PUBLIC_COLLECTION }),
    );
  }

  // A post of one's own, to one's followers.
  async post({ html }) {
    return this.#publish(null, { content: html });
  }

  async #publish(author, { language, summary, ...content }) {
    const uuid = crypto.randomUUID();
    const { handle } = this.#person;
    const note = new Note({
      id: this.#context.getObjectUri(Note, { identifier: handle, uuid }),
      url: new URL(`/@${handle}/${uuid}`, this.#context.origin),
      attribution: this.#context.getActorUri(handle),
      published: Temporal.Now.instant(),
      to: PUBLIC_COLLECTION,
      ccs: author == null ? [this.#followersUri] : [this.#followersUri, author.id],
      tags: author == null ? [] : [new Mention({ href: author.id, name: handleOf(author) })],
      ...(summary == null ? {} : { summary, sensitive: true }),
      ...content,
    });
    const recipients = [...(author == null ? [] : [author]), ...this.#person.followers.values()];
    this.#person.notes.set(uuid, { note, recipients, deleted: false });
    const sent = await this.#send(
      recipients,
      new Create({ ...this.#head("creates"), published: note.published, object: note, ...audienceOf(note) }),
    );
    return { ...sent, note: note.id.href };
  }

  #undo(recipient, undone) {
    return this.#send(recipient, new Undo({ ...this.#head("undos"), object: undone, to: recipient.id }));
  }

  async #send(recipients, activity) {
    // Remembered first: the Accept of a Follow may come before the Follow's own POST is answered.
    this.#person.sent.set(activity.id.href, activity);
    await this.#context.sendActivity({ identifier: this.#person.handle }, recipients, activity, { immediate: true });
    return { activity: activity.id.href };
  }

  #head(kind) {
    return {
      id: new URL(`/users/${this.#person.handle}/${kind}/${crypto.randomUUID()}`, this.#context.origin),
      actor: this.#context.getActorUri(this.#person.handle),
    };
  }

  get #followersUri() {
    return this.#context.getFollowersUri(this.#person.handle);
  }

  #written(id) {
    const uuid = new URL(id).pathname.split("/").at(-1);
    const written = this.#person.notes.get(uuid);
    if (written == null) throw new Error(`${this.#person.handle} never wrote ${id}`);
    return written;
  }

  async #post(id) {
    const target = await this.find(id);
    return { target, author: await this.#authorOf(target) };
  }

  async #findActor(resource) {
    const found = await this.find(resource);
    if (!isActor(found)) throw new Error(`${resource} is a ${found.constructor.name}, not an actor`);
    return found;
  }

  async #authorOf(object) {
    const author = await object.getAttribution(this.#context);
    if (!isActor(author)) throw new Error(`${object.id?.href} has no author`);
    return author;
  }
}

const handleOf = (actor) => `@${actor.preferredUsername}@${actor.id.host}`;
const audienceOf = (object) => ({ to: PUBLIC_COLLECTION, ccs: object.ccIds });
