/** `shardctl dashboard`: where the page for operators is. Whoever has the address may change the topology. */

import { printLine } from './output.ts';
import { answerOf } from './service-answer.ts';

export async function dashboardCommand({ data }: { data: string }): Promise<void> {
  const { address } = (await answerOf(data, 'GET', '/v1/dashboard')) as { address: string };
  printLine(address);
}
