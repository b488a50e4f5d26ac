/** What becomes of children, for the log. */

import type { ProcessLog } from '../supervision/log.ts';
import type { ChildDeath, SupervisedChild } from '../supervision/supervised-child.ts';
import type { SupervisorListener } from '../supervision/supervisor.ts';

export function childLog(log: ProcessLog): SupervisorListener {
  return {
    onState: (child) => logState(log, child),
    onDeath: (child, death) => logDeath(log, child, death),
  };
}

function logState(log: ProcessLog, child: SupervisedChild): void {
  const { name } = child.spec;
  const facts = { child: name, pid: child.pid, state: child.state, restarts: child.restarts };
  if (child.state === 'failed') {
    log.error(facts, `${name} keeps dying and was given up; when its cause is mended: shardctl restart ${name}`);
  } else if (child.state === 'ready' && child.restarts > 0) {
    log.info(facts, `${name} serves again, ${Math.round(child.uptimeMs ?? 0)} ms after its fork`);
  } else {
    log.debug(facts, `${name} is ${child.state}`);
  }
}

function logDeath(log: ProcessLog, child: SupervisedChild, { code, signal }: ChildDeath): void {
  const { name } = child.spec;
  log.warn({ child: name, code, signal }, `${name} died (${signal ?? `exit code ${code}`})`);
}
