/** Asks the running service of a data directory, over its admin socket. */

import { request } from 'node:http';
import { adminSocketOf } from '../config/data-directory.ts';
import type { ServiceStatus } from './contract.ts';

/** No service runs on the data directory, it does not answer, or it belongs to another user. */
export class ServiceUnreachable extends Error {
  override readonly name = 'ServiceUnreachable';
}

/** It runs, and could not do what was asked. */
export class ServiceFailed extends Error {
  override readonly name = 'ServiceFailed';
}

/** Of a service that ends between taking the connection and reading the question, or right after it. */
const hungUp = ['EPIPE', 'ECONNRESET'];

/** What is asked by GET is in the primary's memory: only one that is stopped is silent for so long. */
const silenceMs = 10_000;

export type AdminAnswer = { readonly status: number; readonly body: unknown };

/** @throws ServiceUnreachable when no service runs on this data directory; ServiceFailed */
export async function askService(
  data: string,
  method: 'GET' | 'POST',
  path: string,
  question?: unknown,
): Promise<AdminAnswer> {
  try {
    const answer = await ask(adminSocketOf(data), method, path, question);
    if (answer.status !== 500) return answer;
    throw new ServiceFailed(`The service cannot answer: ${(answer.body as { detail: string }).detail}.`);
  } catch (error) {
    const { code, syscall, name } = error as NodeJS.ErrnoException;
    if (name === 'AbortError') throw new ServiceUnreachable(silence(data), { cause: error });
    if (syscall !== 'connect' && !hungUp.includes(code ?? '')) throw error;
    const why = code === 'EACCES' ? 'belongs to another user' : 'has no running service';
    throw new ServiceUnreachable(
      `The data directory ${data} ${why}. Start one with \`npm start\` or \`shardctl start --data ${data}\`.`,
      { cause: error },
    );
  }
}

/** @throws ServiceUnreachable, ServiceFailed */
export async function statusOfService(data: string): Promise<ServiceStatus> {
  return (await askService(data, 'GET', '/v1/status')).body as ServiceStatus;
}

function silence(data: string): string {
  return `The service of ${data} has not answered for ${silenceMs / 1_000} s. Is its primary stopped? \`kill -CONT\` lets it go on.`;
}

function ask(socketPath: string, method: string, path: string, question: unknown): Promise<AdminAnswer> {
  return new Promise((resolve, reject) => {
    const headers = question === undefined ? {} : { 'content-type': 'application/json' };
    const patience = method === 'GET' ? { signal: AbortSignal.timeout(silenceMs) } : {};
    const outgoing = request({ socketPath, method, path, headers, agent: false, ...patience }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(question === undefined ? undefined : JSON.stringify(question));
  });
}
