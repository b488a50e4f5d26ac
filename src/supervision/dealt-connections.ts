/**
 * Workers of node:cluster are dealt connections by the primary, over their IPC channel. Node forgets a connection that
 * was on its way to a worker, or in it and not acknowledged yet, when that worker dies: the client would wait for ever,
 * and the primary would keep the descriptor. So they are noted here until Node closes them, and closed with the worker.
 */

import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';

/** The primary's own end of a connection that is being dealt: a `TCP` of Node's, which has no public type. */
type Handle = { close: (done?: () => void) => void };

/** Those that no worker has acknowledged, and to whom each was dealt last. */
const dealt = new Map<Handle, ChildProcess>();

/** A worker of node:cluster that takes every connection along that it was dealt and has not acknowledged. */
export function forkFrontend(): ChildProcess {
  const { process: worker } = cluster.fork();
  const send = worker.send.bind(worker) as (...args: unknown[]) => boolean;
  worker.send = (...args: unknown[]) => {
    const [message, handle] = args;
    if (isConnection(message)) note(handle as Handle, worker);
    return send(...args);
  };
  // The client may have been answered by then, or not: its connection ends, as all others of the worker do.
  const closeAll = () => {
    for (const [handle, to] of dealt) if (to === worker) handle.close();
  };
  worker.on('exit', closeAll);
  // Where it comes later: until then a dead worker is dealt connections. Where one is under way it does not come at all.
  worker.on('disconnect', closeAll);
  return worker;
}

function note(handle: Handle, to: ChildProcess): void {
  const isDealtAgain = dealt.has(handle);
  dealt.set(handle, to);
  if (isDealtAgain) return;
  const { close } = handle;
  // Node closes its own end as soon as a worker has acknowledged the connection.
  handle.close = (done) => {
    dealt.delete(handle);
    close.call(handle, done);
  };
}

/** How node:cluster names them among its own messages (lib/internal/cluster/round_robin_handle.js). */
function isConnection(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'act' in message && message.act === 'newconn';
}
