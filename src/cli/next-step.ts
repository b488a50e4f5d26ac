/** What to do about an answer of the service that does not say it itself. Pure. */

import type { ShardliteErrorCode } from '../client/shardlite-error.ts';
import { errorTable } from '../kv/errors.ts';

const nextSteps: { readonly [code in ShardliteErrorCode]?: string } = {
  'no-answer': 'Run `shardctl status` on its machine: it shows the address, which begins with http or https.',
  'certificate-untrusted':
    'Set NODE_EXTRA_CA_CERTS to the file of that certificate or of its issuer, and take a name that it has.',
  'unexpected-answer': 'Check that the address is that of a Shardlite service, and not of a proxy.',
  'token-required':
    'Put one into SHARDLITE_TOKEN. `shardctl token create NAME` creates it, on the machine of the service.',
  'token-invalid': '`shardctl token list` shows the valid ones, on the machine of the service.',
  'access-denied': '`shardctl token list` shows what each token allows, on the machine of the service.',
  'key-not-found': '`shardctl list` shows all keys.',
  'host-not-allowed': 'Start the service with that name in --allowed-hosts.',
  'rate-exceeded': 'Try again later, or send fewer requests.',
};

/** Whether the same request may succeed later. */
export function isPassing(code: ShardliteErrorCode): boolean {
  return code === 'no-answer' || (code in errorTable && errorTable[code as keyof typeof errorTable].retryable);
}

/** Empty where the service's own sentence says what is allowed. */
function nextStepAfter(code: ShardliteErrorCode): string {
  const step = nextSteps[code];
  if (step !== undefined) return ` ${step}`;
  return isPassing(code)
    ? ' Try again later; `shardctl status` says what is wrong, on the machine of the service.'
    : '';
}

export function failureText({ code, detail }: { readonly code: ShardliteErrorCode; readonly detail: string }): string {
  return `${endedSentence(detail)} (${code})${nextStepAfter(code)}`;
}

export function endedSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
