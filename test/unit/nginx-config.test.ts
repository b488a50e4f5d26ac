/** Numbers in `ops/nginx.conf` that must fit numbers of the service: nobody who changes one may forget the other. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { valueBytesLargest } from '../../src/config/service-config.ts';
import { keepAliveTimeoutMs } from '../../src/http/app.ts';
import { heartbeatMs } from '../../src/http/changes/event-writer.ts';
import { idleGraceMs } from '../../src/http/retirement.ts';
import { projectRoot } from '../support/user-docs.ts';

const config = readFileSync(join(projectRoot, 'ops', 'nginx.conf'), 'utf8');
const units = { s: 1_000, m: 1024 * 1024 } as const;

/** In milliseconds or bytes. */
function numberIn(directive: string): number {
  const found = [...config.matchAll(new RegExp(`^ *${directive} (\\d+)([sm]);$`, 'gm'))];
  expect(found.map(([line]) => line)).toHaveLength(1);
  const [, number, unit] = found[0] as unknown as [string, string, keyof typeof units];
  return Number(number) * units[unit];
}

test('nginx closes an idle connection before the service does, so that no request meets a closing one', () => {
  // The time that a connection takes to close is far below a second.
  expect(numberIn('keepalive_timeout')).toBeLessThanOrEqual(idleGraceMs - 1_000);
  expect(numberIn('keepalive_timeout')).toBeLessThan(keepAliveTimeoutMs);
});

test('nginx waits longer for a stream of changes than that is silent', () => {
  expect(numberIn('proxy_read_timeout')).toBeGreaterThanOrEqual(2 * heartbeatMs);
});

test('nginx takes a value that is as large as the service may be set to take, and none that is larger', () => {
  expect(numberIn('client_max_body_size')).toBe(valueBytesLargest);
});
