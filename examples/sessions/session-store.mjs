/** A store for @fastify/session: every process of a cluster finds every session, and sessions outlive the processes. */

export class SessionStore {
  #kv;

  /** @param {import('shardlite').ShardliteClient} kv */
  constructor(kv) {
    this.#kv = kv;
  }

  get(id, done) {
    this.#kv.get(keyOf(id)).then((session) => done(null, session ?? null), done);
  }

  /** The value ends with the session: nobody has to clean up. */
  set(id, session, done) {
    const { expires } = session.cookie;
    const options = expires ? { expiresAt: new Date(expires).getTime() } : {};
    this.#kv.put(keyOf(id), session, options).then(() => done(null), done);
  }

  destroy(id, done) {
    this.#kv.delete(keyOf(id)).then(() => done(null), done);
  }
}

function keyOf(id) {
  return `session/${id}`;
}
