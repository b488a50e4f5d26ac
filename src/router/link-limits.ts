/** How much a router keeps for a shard that does not answer. */

import type { LinkLimits } from '../routing/shard-link.ts';

export const linkLimits: Omit<LinkLimits, 'frameBytesMax'> = {
  // Ten times what a shard takes to come back from a kill.
  holdDeadlineMs: 5_000,
  pendingMax: 10_000,
  pendingBytesMax: 64 * 1024 * 1024,
};
