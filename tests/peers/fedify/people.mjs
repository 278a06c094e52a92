// The people who live on this server and what they wrote. Everything is in memory and starts empty.

import { generateCryptoKeyPair } from "@fedify/fedify";

export class Person {
  followers = new Map(); // actor id → { id, inboxId, endpoints }
  following = new Set(); // actor ids that accepted us
  sent = new Map(); // activity id → the activity, so that it can be undone
  notes = new Map(); // uuid → { note, recipients, deleted }
  #keys;

  constructor(handle) {
    this.handle = handle;
    this.name = handle[0].toUpperCase() + handle.slice(1);
  }

  // RSA first, as HTTP signatures of the whole fediverse need it; Ed25519 beside it for FEP-8b32 proofs, as
  // Fedify's own documentation recommends and its users do.
  keys() {
    this.#keys ??= Promise.all([generateCryptoKeyPair("RSASSA-PKCS1-v1_5"), generateCryptoKeyPair("Ed25519")]);
    return this.#keys;
  }
}

export class People {
  #byHandle;

  constructor(handles) {
    this.#byHandle = new Map(handles.map((handle) => [handle, new Person(handle)]));
  }

  find(handle) {
    return this.#byHandle.get(handle) ?? null;
  }

  get everyone() {
    return [...this.#byHandle.values()];
  }

  get handles() {
    return [...this.#byHandle.keys()];
  }
}
