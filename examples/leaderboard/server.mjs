/**
 * A live leaderboard:
 *
 *   node examples/leaderboard/server.mjs
 *
 * Open the address that it prints in two windows, and click. It brings a Shardlite service of its own, whose data is
 * removed at the end. The page asks the service by itself; this program only hands out the page, and the client for it.
 */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { startService } from 'shardlite/server';

const { PORT = '3000' } = process.env;
const client = new URL('.', import.meta.resolve('shardlite'));
const page = new URL('page/', import.meta.url);
const types = { html: 'text/html; charset=utf-8', css: 'text/css', js: 'text/javascript', mjs: 'text/javascript' };

const server = createServer((request, response) => void answer(request.url, response));
await new Promise((resolve) => server.listen(Number(PORT), '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
// Browsers let a page write to another origin only where that allows it.
const service = await startService({ shards: 2, allowedOrigins: [origin] });
console.log(origin);

async function answer(path, response) {
  if (path === '/service.mjs') {
    return response.setHeader('content-type', types.mjs).end(`export const serviceUrl = '${service.url}';`);
  }
  const [, folder, name] = /^\/(client\/)?([a-z-]+\.[a-z]+)?$/.exec(path) ?? [];
  const file = new URL(name ?? 'index.html', folder === undefined ? page : client);
  const type = types[file.pathname.slice(file.pathname.lastIndexOf('.') + 1)];
  try {
    response.setHeader('content-type', type).end(await readFile(file));
  } catch {
    response.writeHead(404).end();
  }
}
