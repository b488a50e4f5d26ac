/** What becomes of children, for the log. */

import type { Ring } from '../partition/ring.ts';
import type { ChildStateName, KillReason } from '../supervision/child-state.ts';
import type { ProcessLog } from '../supervision/log.ts';
import type { ChildDeath, SupervisedChild } from '../supervision/supervised-child.ts';
import type { SupervisorListener } from '../supervision/supervisor.ts';
import { refusalOf } from './refusal.ts';

export function childLog(log: ProcessLog, ring: () => Ring): SupervisorListener {
  return {
    onState: (child, before) => logState(log, child, before, ring()),
    onDeath: (child, death) => logDeath(log, child, death),
  };
}

function logState(log: ProcessLog, child: SupervisedChild, before: ChildStateName, ring: Ring): void {
  const { name } = child.spec;
  const facts = { child: name, pid: child.pid, state: child.state, restarts: child.restarts };
  if (child.state === 'failed') {
    const found = before === 'retrying' ? 'does not stay alive' : 'keeps dying and has failed';
    const wayOut = `${name} ${found}; fix the cause; to restart it at once: shardctl restart ${name}`;
    log.error(facts, refusalOf(child, ring) ?? wayOut);
  } else if (child.state === 'silent') {
    log.warn(facts, `${name} does not answer`);
  } else if (child.state === 'ready' && before === 'silent') {
    log.info(facts, `${name} answers again`);
  } else if (child.state === 'ready' && child.restarts > 0) {
    log.info(facts, `${name} serves again, ${Math.round(child.uptimeMs ?? 0)} ms after its start`);
  } else {
    log.debug(facts, `${name} is ${child.state}`);
  }
}

const causes: Record<KillReason, string> = {
  'start-overdue': 'it did not become ready in time',
  'no-sign-of-life': 'it did not respond for 15 s',
  'drain-overdue': 'it did not drain in time',
};

function logDeath(log: ProcessLog, child: SupervisedChild, { code, signal, killedFor }: ChildDeath): void {
  const { name } = child.spec;
  const facts = { child: name, code, signal, killedFor };
  if (child.state === 'handing-over' && killedFor === undefined) log.debug(facts, `${name} hands over`);
  else if (killedFor !== undefined) log.warn(facts, `${name} was killed by the primary: ${causes[killedFor]}`);
  else log.warn(facts, `${name} died (${deathText({ code, signal, killedFor })})`);
}

/** For people, e.g. `SIGKILL`, `exit code 1` or `killed: it did not respond for 15 s`. */
export function deathText({ code, signal, killedFor }: ChildDeath): string {
  return killedFor === undefined ? (signal ?? `exit code ${code}`) : `killed: ${causes[killedFor]}`;
}
