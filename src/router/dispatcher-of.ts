/** What a router does with requests, as its start message says. The entry and the simulator give it their ports. */

import { defaultHoldLimits } from '../holding/hold-queue.ts';
import { ringOf } from '../partition/ring.ts';
import { Dispatcher, type DispatcherOptions } from '../routing/dispatcher.ts';
import type { StartRouter } from '../supervision/messages.ts';
import { frameBytesMaxOf } from '../wire/request-frame.ts';

export type RouterPorts = Pick<DispatcherOptions, 'clock' | 'sockets' | 'opIds' | 'onWireError'> &
  Partial<Pick<DispatcherOptions, 'hold'>> & {
    /** Where single keys may be read: not by a router that is to forward everything. */
    readonly fileOf: DispatcherOptions['fileOf'] | undefined;
  };

/** It knows no shard yet, until the first `adopt`. */
export function dispatcherOf({ topology, valueBytesMax }: StartRouter, { fileOf, ...ports }: RouterPorts): Dispatcher {
  return new Dispatcher(ringOf(topology, topology.slots), {
    hold: defaultHoldLimits,
    frameBytesMax: frameBytesMaxOf(valueBytesMax),
    ...ports,
    ...(fileOf && { fileOf }),
  });
}
