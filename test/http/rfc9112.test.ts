/**
 * HTTP/1.1 byte by byte: what a client sends on a connection of its own, what it is answered, whether the connection
 * goes on, and what is stored afterwards. The cases are in `rfc9112-cases.ts`.
 */

import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startRestApp } from '../support/rest-app.ts';
import { httpCases } from './rfc9112-cases.ts';

const before = 'before';

test('the table has at least 120 rows', () => {
  expect(Object.values(httpCases).flat().length).toBeGreaterThanOrEqual(120);
});

test.each(Object.keys(httpCases))('%s: each row is answered and done as it says', async (section) => {
  const { port, url, defects } = await startRestApp();
  const found: string[][] = [];
  const wanted: string[][] = [];
  for (const [number, [what, template, answers, stored]] of (httpCases[section] ?? []).entries()) {
    const key = `case-${number}`;
    const isPresent = template.includes('/P');
    if (isPresent) await fetch(`${url}/v1/kv/${key}`, { method: 'PUT', body: before });
    const bytes = template
      .replaceAll('¶', '\r\n')
      .replaceAll(/^H$/gm, 'host: localhost')
      .replaceAll(/\/[KP](?=[\s?\xc3])/g, `/${key}`)
      .replaceAll(/\r\nH\r\n/g, '\r\nhost: localhost\r\n');
    const text = await exchange(port, bytes, answers.endsWith('cut'));
    const value = await fetch(`${url}/v1/kv/${key}`);
    const storedNow = value.status === 200 ? await value.text() : 'gone';
    wanted.push([what, answers, stored ?? (isPresent ? before : 'gone')]);
    found.push([what, `${answersIn(text)} ${endOf(text, answers)}`.trim(), storedNow]);
    expectProblems(text, what);
  }
  expect(found).toEqual(wanted);
  expect(defects).toEqual([]);
});

const nextRequest = 'GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n';
const nextAnswer = '{"status":"alive"}';

/** Everything that is answered to the bytes, and to another request behind them, until the connection ends. */
function exchange(port: number, bytes: string, isCut: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => {
      if (isCut) socket.end(bytes, 'latin1');
      else socket.write(bytes + nextRequest, 'latin1');
    });
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}

const statusLine = /HTTP\/1\.1 (\d{3}) /g;

function answersIn(text: string): string {
  const statuses = [...text.matchAll(statusLine)].map(([, status]) => status);
  return (text.endsWith(nextAnswer) ? statuses.slice(0, -1) : statuses).join(' ');
}

function endOf(text: string, answers: string): string {
  if (text.endsWith(nextAnswer)) return 'open';
  return answers.endsWith('cut') ? 'cut' : 'ends';
}

/** Whoever notices the error, its answer is a problem document. */
function expectProblems(text: string, what: string): void {
  for (const answer of text.split(/(?=HTTP\/1\.1 \d{3} )/)) {
    if (!/^HTTP\/1\.1 [45]/.test(answer)) continue;
    expect([what, answer.toLowerCase()]).toEqual([what, expect.stringContaining('application/problem+json')]);
  }
}
