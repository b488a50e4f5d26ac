/**
 * `npm run record`: adds a shard to a real service under load in a real terminal, and writes what that showed to
 * docs/add-shard.svg.
 */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/client/connect.ts';
import { startService } from '../../src/embedding/start-service.ts';
import { animatedSvg } from './animated-svg.ts';
import { pause, TerminalSession } from './terminal-session.ts';

const shardctl = fileURLToPath(new URL('../../src/cli/shardctl.js', import.meta.url));
const output = fileURLToPath(new URL('../../../docs/add-shard.svg', import.meta.url));
const size = { columns: 99, rows: 16 };
const keys = 200_000;
const keysAtATime = 1_000;
const clients = 16;
/** In it the service learns what clients feel before the change. */
const loadBeforeMs = 5_000;
/** Who watches reads the plan. */
const readingMs = 2_500;

const programs = mkdtempSync(join(tmpdir(), 'shardlite-recording-'));
await using service = await startService({ shards: 2 });
const kv = connect(service.url);
const keyOf = (number: number) => `key-${number}`;

console.log(`Writing ${keys} keys …`);
for (let first = 0; first < keys; first += keysAtATime) {
  const numbers = Array.from({ length: keysAtATime }, (_, index) => first + index);
  await kv.batch(numbers.map((number) => ({ op: 'put', key: keyOf(number), value: 'x'.repeat(100) }) as const));
}

let isOver = false;
let requests = 0;
const client = async () => {
  while (!isOver) {
    const key = keyOf(Math.floor(Math.random() * keys));
    await (++requests % 2 === 0 ? kv.get(key) : kv.put(key, 'y'.repeat(100)));
  }
};
const load = Promise.all(Array.from({ length: clients }, client));
await pause(loadBeforeMs);

console.log('Recording …');
writeFileSync(join(programs, 'shardctl'), `#!/bin/sh\nexec '${process.execPath}' '${shardctl}' "$@"\n`);
chmodSync(join(programs, 'shardctl'), 0o755);
const session = new TerminalSession(size, {
  PATH: `${programs}${delimiter}${process.env['PATH']}`,
  SHARDLITE_DATA: service.data,
});
await session.shows('$');
await session.type('shardctl add-shard\n');
await session.shows('Go ahead?');
await pause(readingMs);
await session.type('y\n');
await session.shows('is done in');
isOver = true;
await load;
session.end();
rmSync(programs, { recursive: true });
writeFileSync(
  output,
  animatedSvg(`shardctl add-shard, while ${clients} clients read and write`, session.screens, size),
);
console.log(`${output} has ${session.screens.length} screens. Meanwhile ${requests} requests were answered.`);
