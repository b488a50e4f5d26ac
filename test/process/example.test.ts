import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const example = fileURLToPath(new URL('../../dist/bench/example.js', import.meta.url));

test('the example imports real records while a shard is added and one is killed, and every one comes back equal', async () => {
  const child = spawn(process.execPath, [example, '--records', '5000'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, progress, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  expect(code).toBe(0);
  expect(output).toContain('compared   5,000 equal byte for byte, 0 different or missing');
  expect(output).toMatch(/^listed +[\d,]+ keys that begin with cities\/A[A-Z]\/, all that there are, in order$/m);
  expect(output).toMatch(/^watched +5,000 keys heard of/m);
  expect(output).toMatch(/^shard-1 +33\.3 % +[\d,]+ +\d+\.\d % +1$/m);
  expect(output).toMatch(/^shard-3 +33\.3 % +[\d,]+ +\d+\.\d % +0$/m);
  expect(output).toMatch(/Nothing was lost\.\n$/);
  expect(progress).toMatch(/Half-way: shard-1 \(pid \d+\) was killed with SIGKILL/);
});
