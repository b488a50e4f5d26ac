/**
 * Two cloned processes behind one port, whose sessions lie in Shardlite. Start a service (`npm start`), then:
 *
 *   SESSION_SECRET=$(openssl rand -hex 32) node examples/sessions/server.mjs
 *
 * Reload the page: the count of your visits goes on whichever process answers, and also when one of them is killed.
 */

import cluster from 'node:cluster';
import cookie from '@fastify/cookie';
import session from '@fastify/session';
import fastify from 'fastify';
import { connect } from 'shardlite';
import { SessionStore } from './session-store.mjs';

const { SHARDLITE_URL = 'http://127.0.0.1:7700', SESSION_SECRET, PORT = '3000' } = process.env;
const clones = 2;

if (cluster.isPrimary) {
  for (let clone = 0; clone < clones; clone++) cluster.fork();
  cluster.on('exit', () => cluster.fork());
  cluster.once('listening', (_clone, { port }) => console.log(`http://127.0.0.1:${port}`));
} else {
  const app = fastify();
  await app.register(cookie);
  await app.register(session, {
    secret: SESSION_SECRET,
    store: new SessionStore(connect(SHARDLITE_URL)),
    // A real site has TLS, and leaves `secure` out. A session ends an hour after its last request.
    cookie: { secure: false, maxAge: 3_600_000 },
  });
  app.get('/', ({ session }) => {
    session.visits = (session.visits ?? 0) + 1;
    return { visits: session.visits, answeredBy: process.pid };
  });
  await app.listen({ host: '127.0.0.1', port: Number(PORT) });
}
