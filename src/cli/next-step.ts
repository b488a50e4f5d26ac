/** What to do about an answer of the service that does not say it itself. Pure. */

import type { ShardliteErrorCode } from '../client/shardlite-error.ts';
import { errorTable } from '../kv/errors.ts';

const nextSteps: { readonly [code in ShardliteErrorCode]?: string } = {
  'no-answer': 'Run `shardctl status` on its machine, or use another --url.',
  'unexpected-answer': 'Check that the address is that of a Shardlite service, and not of a proxy.',
  'token-required':
    'Put one into SHARDLITE_TOKEN. `shardctl token create NAME` creates it, on the machine of the service.',
  'token-invalid': '`shardctl token list` shows the valid ones, on the machine of the service.',
  'access-denied': '`shardctl token list` shows what each token allows, on the machine of the service.',
  'key-not-found': '`shardctl list` shows all keys.',
  'host-not-allowed': 'Start the service with that name in --allowed-hosts.',
  'rate-exceeded': 'Try again later, or send fewer requests.',
};

/** Empty where the service's own sentence says what is allowed. */
function nextStepAfter(code: ShardliteErrorCode): string {
  const step = nextSteps[code];
  if (step !== undefined) return ` ${step}`;
  const isPassing = code in errorTable && errorTable[code as keyof typeof errorTable].retryable;
  return isPassing ? ' Try again later; `shardctl status` says what is wrong, on the machine of the service.' : '';
}

export function failureText({ code, detail }: { readonly code: ShardliteErrorCode; readonly detail: string }): string {
  return `${detail} (${code})${nextStepAfter(code)}`;
}
