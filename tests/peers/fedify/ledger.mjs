// What reached this server, in order, for tests that wait without sleeping: `since` holds the question until
// an answer exists.

export class Ledger {
  #entries = [];
  #waiting = new Set();

  record(entry) {
    this.#entries.push({ seq: this.#entries.length + 1, at: new Date().toISOString(), ...entry });
    for (const wake of [...this.#waiting]) wake();
  }

  // Entries numbered above `after` that `wanted` accepts; waits up to `waitSeconds` for the first one.
  async since(after, waitSeconds, wanted = () => true) {
    const found = () => this.#entries.filter((entry) => entry.seq > after && wanted(entry));
    const deadline = Date.now() + waitSeconds * 1000;
    while (found().length === 0 && Date.now() < deadline) await this.#next(deadline - Date.now());
    return found();
  }

  #next(milliseconds) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.#waiting.add(done);
    });
  }
}
