/** The page at /docs in a real Chromium, of a service that was built. */

import { describe, expect, test } from 'vitest';
import { expectText, hasChromium, useChromium } from '../support/chromium.ts';
import { startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe.skipIf(!hasChromium)('the page of the API', () => {
  const opened = useChromium();

  test('shows every operation, writes a value when it is told to, and shows the answer and how a program asks for it', async () => {
    const service = await startService({ data: temporaryDirectory(), args: ['--strategy', 'single'] });
    const { page, complaints } = await opened(`${service.url}/docs`);
    const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    for (const path of Object.keys(document.paths))
      await expectText(page, '#reference .opblock-summary-path', exactly(path));

    await page.getByRole('searchbox').fill('write a value');
    const link = page.locator('nav a:visible');
    expect(await link.count()).toBe(1);
    await link.click();
    const put = page.locator('[id="operations-Values-writeValue"]');
    await put.locator('tr[data-param-name="key"] input').fill('users/ada');
    await put.locator('tr[data-param-name="ttl"] input').fill('3600');
    await put.locator('.body-param__text').fill('hello from the page');
    await put.getByRole('button', { name: 'Execute' }).click();
    await put.locator('.live-responses-table .response-col_status').filter({ hasText: '201' }).waitFor();
    const written = await fetch(`${service.url}/v1/kv/users/ada`);
    expect([written.headers.get('content-type'), await written.text()]).toEqual(['text/plain', 'hello from the page']);
    expect(Number(written.headers.get('expires-at'))).toBeGreaterThan(Date.now());

    for (const [language, said] of [
      ['JavaScript', 'await fetch('],
      ['Python (httpx)', 'httpx.request('],
      ['curl', "curl -X 'PUT'"],
    ] as const) {
      await put.getByText(language, { exact: true }).click();
      await put.locator('.request-snippets .curl').filter({ hasText: said }).waitFor();
    }
    expect(complaints).toEqual([]);
    await page.close();
  });
});

function exactly(path: string): RegExp {
  // Swagger UI lets long names break at invisible marks.
  return new RegExp(`^${[...path].map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('\u200b?')}$`);
}
