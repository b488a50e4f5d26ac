/** The page for operators in a real Chromium, and what its port lets nobody else do. */

import { describe, expect, test } from 'vitest';
import { expectText, hasChromium, useChromium } from '../support/chromium.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function addressOf(service: TestService): Promise<string> {
  const { code, stdout } = await shardctl(['dashboard', '--data', service.data]);
  expect(code).toBe(0);
  return stdout.trim();
}

describe.skipIf(!hasChromium)('the page', () => {
  const opened = useChromium();

  test('adds a shard by clicks, under load, and shows it end; no request fails', async () => {
    const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
    const { page, complaints } = await opened(await addressOf(service));
    let isOver = false;
    let sent = 0;
    const failed: number[] = [];
    const client = async () => {
      while (!isOver) {
        const { status } = await fetch(`${service.url}/v1/kv/key-${sent++}`, { method: 'PUT', body: 'value' });
        if (status !== 201) failed.push(status);
      }
    };
    const clients = Array.from({ length: 4 }, client);
    await expectText(page, '#headline', /ready/);
    // The token is not left where somebody could copy it by accident.
    expect(page.url()).not.toContain('token');

    await page.getByRole('button', { name: 'Change the topology' }).click();
    await page.getByRole('button', { name: 'Show the plan' }).click();
    await expectText(page, 'dialog', /shard-3/);
    await expectText(page, 'dialog', /5,461 slots move/);
    await page.getByRole('button', { name: 'Go ahead' }).click();
    await expectText(page, '#history', /add-shard/);
    await page.locator('#change').waitFor({ state: 'hidden' });
    await expectText(page, '#history', /done/);
    await expectText(page, '#ring', /shard-3.*33\.3 %/s);
    await expectText(page, '#processes', /shard-3/);
    isOver = true;
    await Promise.all(clients);
    expect(failed).toEqual([]);
    expect(sent).toBeGreaterThan(100);
    expect((await service.status()).ring.ranges.filter(([, , shard]) => shard === 3).length).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('pauses, resumes and aborts by keyboard, and says what is refused', async () => {
    const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
    await shardctl(['throttle', '--rows-per-s', '20', '--data', service.data]);
    const keys = Array.from({ length: 400 }, (_, key) => key);
    await Promise.all(keys.map((key) => fetch(`${service.url}/v1/kv/${key}`, { method: 'PUT', body: 'value' })));
    const { page } = await opened(await addressOf(service));
    await expectText(page, '#headline', /ready/);
    await page.getByRole('button', { name: 'Change the topology' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('spinbutton', { name: 'How many' }).fill('1000');
    await page.getByRole('button', { name: 'Show the plan' }).focus();
    await page.keyboard.press('Enter');
    await expectText(page, 'dialog [role=alert]', /must be a whole number from 1 to 254/);
    await page.getByRole('spinbutton', { name: 'How many' }).fill('1');
    await page.getByRole('button', { name: 'Show the plan' }).press('Enter');
    await expectText(page, 'dialog', /slots move/);
    // What goes ahead has the focus, once there is a plan.
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Pause' }).press('Enter');
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    await page.getByRole('button', { name: 'Abort' }).press('Enter');
    await shardctl(['throttle', '--data', service.data]);
    await expectText(page, '#history', /aborted/);
    await page.close();
  });

  test('without the token shows everything and lets nothing be done; it says when the service is away', async () => {
    const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
    const { adminUrl } = await service.status();
    const { page } = await opened(adminUrl as string);
    await expectText(page, '#processes', /shard-2/);
    expect(await page.getByRole('button', { name: 'Change the topology' }).isDisabled()).toBe(true);
    await expectText(page, '#acting', /shardctl dashboard/);
    await service.end('SIGTERM');
    await expectText(page, '#headline', /no answer/);
    await page.close();
  });
});

describe('to act at the admin port', () => {
  test('takes the token, from no other site, under no other name', async () => {
    const service = await startService({ data: temporaryDirectory(), args: ['--shards', '1', '--routers', '1'] });
    const address = new URL(await addressOf(service));
    const token = address.hash.replace('#token=', '');
    const plan = async (headers: Record<string, string>) => {
      const answer = await fetch(new URL('/v1/plan', address), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"kind":"add-shard"}',
      });
      return answer.status;
    };
    const authorization = `Bearer ${token}`;
    expect(await plan({ authorization })).toBe(200);
    expect(await plan({ authorization, origin: address.origin, 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await plan({})).toBe(401);
    expect(await plan({ authorization: `Bearer ${token.slice(1)}` })).toBe(401);
    expect(await plan({ authorization, origin: 'https://evil.example' })).toBe(403);
    expect(await plan({ authorization, origin: 'null' })).toBe(403);
    expect(await plan({ authorization, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await plan({ authorization, 'sec-fetch-site': 'same-site' })).toBe(403);

    const page = await fetch(address);
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'/,
    );
    // Nothing comes from elsewhere.
    expect((await page.text()).match(/https?:/g)).toBeNull();
    const other = await fetch(new URL('/v1/status', address), { headers: { 'sec-fetch-site': 'cross-site' } });
    expect(other.status).toBe(403);
  });

  test('there is no page when it is off, and no token', async () => {
    const args = ['--shards', '1', '--routers', '1', '--admin-port', 'off'];
    const service = await startService({ data: temporaryDirectory(), args });
    expect(await shardctl(['dashboard', '--data', service.data])).toMatchObject({
      code: 1,
      stderr: 'shardctl: The page is off: start the service without --admin-port off.\n',
    });
  });
});
