/** The importer against a server that is slow, and refuses for now whatever it likes. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { Importer, nothingYet } from '../../src/cli/importer.ts';
import { RestApi } from '../../src/cli/rest-client.ts';
import { Random } from '../support/random.ts';

/** Writes when it answers, after a while of its own; each entry fails for now with this chance. */
async function startFickleServer(failing: number): Promise<{ url: string; values: Map<string, string> }> {
  const random = new Random(1);
  const values = new Map<string, string>();
  const server = createServer(async (request, response) => {
    const lines = (await text(request)).trimEnd().split('\n');
    await new Promise((resolve) => setTimeout(resolve, random.below(30)));
    const results = lines.map((line) => {
      const { keyBase64url, value, valueBase64 } = JSON.parse(line) as { [field: string]: string };
      if (random.chance(failing)) return { status: 503, code: 'overloaded', detail: 'Not now.' };
      const key = Buffer.from(keyBase64url as string, 'base64url').toString();
      const status = values.has(key) ? 204 : 201;
      values.set(key, value ?? Buffer.from(valueBase64 as string, 'base64').toString());
      return { status };
    });
    response.end(results.map((result) => `${JSON.stringify(result)}\n`).join(''));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, values };
}

/** Keys that come again after several windows, and some that come again soon. */
const inRuns = (number: number, random: Random) =>
  random.chance(0.02) ? `again-${random.below(3)}` : `key-${number % 900}`;
/** Two lines a key: most in one window, some at its end and the beginning of the next. */
const inPairs = (number: number) => `key-${Math.floor(number / 2)}`;

test.each([
  { failing: 0, valueBytes: 4, keyOf: inRuns },
  { failing: 0.05, valueBytes: 4, keyOf: inPairs },
  // Windows that are full by their bytes.
  { failing: 0, valueBytes: 20_000, keyOf: inPairs },
])(
  'of lines with one key the last one stays: $failing refused for now, values of $valueBytes bytes',
  async ({ failing, valueBytes, keyOf }) => {
    const { url, values } = await startFickleServer(failing);
    const lines = 2_500;
    const marks: number[] = [];
    const importer = new Importer(new RestApi(url, 60_000), nothingYet, {
      onRefused: ({ detail }) => expect.unreachable(detail),
      onAcknowledged: ({ number }, { created, replaced }) => {
        marks.push(number);
        // A mark tells of no line that is still under way.
        expect(created + replaced).toBe(number);
      },
    });
    const expected = new Map<string, string>();
    const random = new Random(2);
    for (let number = 1; number <= lines; number++) {
      const key = keyOf(number, random);
      const value = `${number}`.padStart(valueBytes, '0');
      expected.set(key, value);
      const bytes = Buffer.from(JSON.stringify({ key, value }));
      await importer.add({ number, endOffset: number, bytes });
    }
    const { created, replaced, refused } = await importer.end();
    expect([created + replaced, refused]).toEqual([lines, 0]);
    expect(new Map([...values].sort())).toEqual(new Map([...expected].sort()));
    expect(marks).toEqual([...marks].sort((a, b) => a - b));
  },
);
