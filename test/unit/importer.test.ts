/** The importer against a server that is slow, and refuses for now whatever it likes. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { Importer, nothingYet } from '../../src/cli/importer.ts';
import { Random } from '../simulation/random.ts';

/** Writes when it answers, after a while of its own; each entry fails for now with this chance. */
async function startFickleServer(failing: number): Promise<{ url: string; values: Map<string, string> }> {
  const random = new Random(1);
  const values = new Map<string, string>();
  const server = createServer(async (request, response) => {
    const lines = (await text(request)).trimEnd().split('\n');
    await new Promise((resolve) => setTimeout(resolve, random.below(30)));
    const results = lines.map((line) => {
      const { keyBase64url, value } = JSON.parse(line) as { keyBase64url: string; value: string };
      if (random.chance(failing)) return { status: 503, code: 'overloaded', detail: 'Not now.' };
      const key = Buffer.from(keyBase64url, 'base64url').toString();
      const status = values.has(key) ? 204 : 201;
      values.set(key, value);
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

test.each([0, 0.05])(
  'of lines with one key the last one stays, with %d of the entries refused for now',
  async (failing) => {
    const { url, values } = await startFickleServer(failing);
    const lines = 2_500;
    const marks: number[] = [];
    const importer = new Importer(url, nothingYet, {
      onRefused: ({ detail }) => expect.unreachable(detail),
      onAcknowledged: ({ number }, { created, replaced }) => {
        marks.push(number);
        // A mark tells of no line that is still under way.
        expect(created + replaced).toBe(number);
      },
    });
    const expected = new Map<string, string>();
    const keys = new Random(2);
    for (let number = 1; number <= lines; number++) {
      // Runs of new keys, so that windows are under way together, and some that come again soon.
      const key = keys.chance(0.02) ? `again-${keys.below(3)}` : `key-${number % 900}`;
      expected.set(key, `${number}`);
      const bytes = Buffer.from(JSON.stringify({ key, value: `${number}` }));
      await importer.add({ number, endOffset: number, bytes });
    }
    const { created, replaced, refused } = await importer.end();
    expect([created + replaced, refused]).toEqual([lines, 0]);
    expect(new Map([...values].sort())).toEqual(new Map([...expected].sort()));
    expect(marks).toEqual([...marks].sort((a, b) => a - b));
  },
);
