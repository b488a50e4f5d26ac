/** `shardctl why KEY`: shows each step from a key to the file that holds it. */

import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import { statusOfService } from '../admin/admin-client.ts';
import { ringOf } from '../partition/ring.ts';
import { hashOf, slotCount, slotOf, tagOf } from '../partition/slot.ts';
import { askForKey, keyOfArgument, type RestOptions } from './rest-client.ts';

type WhyOptions = RestOptions & { readonly base64url?: boolean; readonly json?: boolean };

export async function whyCommand(argument: string, options: WhyOptions): Promise<void> {
  const key = keyOfArgument(argument, options);
  const { ring, data, store, processes } = await statusOfService(options.data);
  const slot = slotOf(key);
  const shard = store === null ? ringOf(ring).shardOf(slot) : null;
  const answer = await askForKey(options, key, { method: 'HEAD' });
  const steps = {
    key: shown(key),
    keyBytes: key.length,
    tag: shown(tagOf(key)),
    hash: `0x${hashOf(tagOf(key)).toString(16).padStart(8, '0')}`,
    slot,
    shard,
    state: processes.find(({ id }) => id === `shard-${shard}`)?.state ?? null,
    file: store ?? join(data, `shard-${shard}.sqlite`),
    present: answer.status === 404 ? false : answer.ok ? true : null,
    valueBytes: answer.ok ? Number(answer.headers.get('content-length')) : null,
    contentType: answer.ok ? answer.headers.get('content-type') : null,
    version: answer.ok ? Number(answer.headers.get('etag')?.replaceAll('"', '')) : null,
  };
  if (options.json) return console.log(JSON.stringify(steps));

  const there = answer.ok
    ? `yes: ${steps.valueBytes} bytes, ${steps.contentType}, version ${steps.version}`
    : steps.present === false
      ? 'no'
      : `unknown: the service answered ${answer.status}`;
  const isWholeKey = tagOf(key).length === key.length;
  console.log(
    [
      `key    ${steps.key}   (${key.length} bytes)`,
      `tag    ${isWholeKey ? 'the whole key' : steps.tag}`,
      `hash   ${steps.hash}   (xxh32 of the tag)`,
      `slot   ${slot}   (upper 14 bits of the hash, of ${slotCount})`,
      shard === null
        ? 'clone  any: they all share one store'
        : `shard  ${shard}   (${steps.state}; ring epoch ${ring.epoch})`,
      `${store === null ? 'file ' : 'store'}  ${steps.file}`,
      `there  ${there}`,
    ].join('\n'),
  );
}

function shown(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString() : `base64url ${bytes.toString('base64url')}`;
}
