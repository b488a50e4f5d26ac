/**
 * What an acknowledgement of Redis is worth: Redis alone decides whether a write that it has acknowledged is on a disk,
 * or on another machine, or may be removed. Pure.
 */

import type { RedisSettings } from './redis-settings.ts';

/**
 * In sentences, for an operator.
 * @param servers at least one; where they differ, the weakest counts
 */
export function acknowledgementText(servers: readonly RedisSettings[]): string {
  const sentences = [onDiskText(servers)];
  if (Math.min(...servers.map(({ replicas }) => replicas)) > 0) {
    sentences.push('Replicas get it a moment later, so a fail-over may lose the last writes.');
  }
  const evicting = servers.find(({ evictionPolicy }) => evictionPolicy.startsWith('volatile-'));
  if (evicting !== undefined) {
    sentences.push(
      `If its memory is full, Redis removes values with an expiry early, and forgets which writes it ` +
        `has answered, so a retry may be applied twice (maxmemory-policy ${evicting.evictionPolicy}).`,
    );
  }
  return sentences.join(' ');
}

function onDiskText(servers: readonly RedisSettings[]): string {
  if (servers.some(({ isAppending }) => !isAppending)) {
    return 'An acknowledged write is only in memory: it is lost when Redis ends (appendonly no).';
  }
  const policies = servers.map(({ fsync }) => fsync);
  if (policies.includes(undefined)) {
    return 'It is unknown whether an acknowledged write is on disk (Redis does not allow CONFIG).';
  }
  if (policies.includes('no')) {
    return 'An acknowledged write is on disk about half a minute later (appendfsync no).';
  }
  if (policies.some((policy) => policy !== 'always')) {
    return 'An acknowledged write is on disk about a second later (appendfsync everysec).';
  }
  return 'An acknowledged write is on disk (appendonly yes, appendfsync always).';
}
