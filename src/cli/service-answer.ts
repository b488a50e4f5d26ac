/** What the service of a data directory answers to an operator. */

import { askService } from '../admin/admin-client.ts';
import { CliFailure, exitCodes } from './exit.ts';

/**
 * The body of a success.
 * @throws ServiceUnreachable; CliFailure with the reason of a refusal
 */
export async function answerOf(
  data: string,
  method: 'GET' | 'POST',
  path: string,
  question?: unknown,
): Promise<unknown> {
  const { status, body } = await askService(data, method, path, question);
  if (status < 300) return body;
  const { detail = `The service of ${data} answered ${status}. Is it of another version? \`shardctl status\` tells.` } =
    body as { detail?: string };
  throw new CliFailure(status === 400 ? exitCodes.usage : exitCodes.failed, detail);
}
