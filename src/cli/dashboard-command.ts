/** `shardctl dashboard`: where the page for operators is. Whoever has the address may change the topology. */

import { askService } from '../admin/admin-client.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { printLine } from './output.ts';

export async function dashboardCommand({ data }: { data: string }): Promise<void> {
  const { status, body } = await askService(data, 'GET', '/v1/dashboard');
  if (status >= 300) throw new CliFailure(exitCodes.failed, (body as { detail: string }).detail);
  printLine((body as { address: string }).address);
}
