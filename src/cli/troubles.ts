/** Why a service is degraded, and what rests in it: sentences for `shardctl status`. Pure. */

import { isInTrouble, type ProcessStatus, type ServiceStatus } from '../admin/contract.ts';
import { slotCount } from '../partition/slot.ts';
import { changeProgressText } from './follow-change.ts';
import { countOf } from './quantity.ts';

/** A sentence for each process that does not serve. */
export function troublesOf({ processes }: Pick<ServiceStatus, 'processes'>): string[] {
  return processes
    .filter(isInTrouble)
    .map((process) => process.refusal ?? `${process.id} ${standingOf(process)}: ${feltOf(process)}`);
}

function standingOf({ state }: ProcessStatus): string {
  switch (state) {
    case 'failed':
      return 'has failed';
    case 'retrying':
      return 'has failed and is being tried again';
    case 'silent':
      return 'does not answer';
    default:
      return 'is not ready';
  }
}

function feltOf({ id, role, state, slots }: ProcessStatus): string {
  const isGivenUp = state === 'failed' || state === 'retrying';
  if (role !== 'shard') return isGivenUp ? `fix the cause, then shardctl restart ${id}` : 'its connections wait or end';
  const share = `its ${countOf(slots ?? 0, 'slot')} (${(((slots ?? 0) * 100) / slotCount).toFixed(1)} %)`;
  if (isGivenUp) return `keys of ${share} get 503; fix the cause, then shardctl restart ${id}`;
  return `requests for ${share} wait`;
}

/** The change that is under way or rests, in a line; undefined when there is none. */
export function openChangeText({ running, open }: ServiceStatus['moves']): string | undefined {
  const [change] = open;
  if (change === undefined) return undefined;
  const name = `change ${change.id} (${change.kind})`;
  // After a restart of the primary nothing of a paused change runs.
  if (running === undefined)
    return `${name} ${change.isPaused ? 'is paused: shardctl resume continues it' : 'is queued'}`;
  return `${name}  ${changeProgressText(running)}`;
}
