/**
 * What faults have hit: without these figures nobody knows whether a simulation that finds nothing has looked.
 */

import type { CoordinatorState } from '../../src/rebalance/coordinator.ts';

export type Phase = CoordinatorState['phase'];
export type Party = 'primary' | 'source' | 'target' | 'router';

const parties: readonly Party[] = ['primary', 'source', 'target', 'router'];
/** Those in which there is something to wait for. */
const longPhases = [
  'preparing',
  'tracking',
  'copying',
  'freezing',
  'verifying',
  'releasing',
  'aborting',
] as const satisfies readonly Phase[];

export class Coverage {
  readonly crashes = new Map<string, number>();
  readonly phases = new Map<string, number>();
  readonly operations = new Map<string, number>();
  steps = 0;
  stalls = 0;
  brokenConnections = 0;
  fullDisks = 0;
  /** Of moves that were called off because of one. */
  diskAborts = 0;
  setClocks = 0;
  exchangedDisks = 0;

  crash(party: Party, phase: Phase): void {
    count(this.crashes, `${party} ${phase}`);
  }

  phase(phase: Phase): void {
    count(this.phases, phase);
  }

  operation(outcome: string): void {
    count(this.operations, outcome);
  }

  /** Phases of a move in which no process of a party ever died. */
  missing(): string[] {
    return longPhases
      .flatMap((phase) => parties.map((party) => `${party} ${phase}`))
      .filter((pair) => !this.crashes.has(pair));
  }

  describe(): string {
    const cells = (texts: readonly string[]) => texts.map((text) => text.padStart(11)).join('');
    const outcomes = [...this.operations].sort().map(([outcome, times]) => `${times} ${outcome}`);
    const phases = [...this.phases].map(([phase, times]) => `${times} ${phase}`);
    return [
      `moves:      ${phases.join(', ')}`,
      `operations: ${outcomes.join(', ')}`,
      `faults:     ${this.stalls} stalls, ${this.brokenConnections} broken connections, ${this.fullDisks} full disks that ended ${this.diskAborts} moves, ${this.setClocks} set clocks, ${this.exchangedDisks} exchanged disks; deaths by phase:`,
      `            ${cells(longPhases)}`,
      ...parties.map(
        (party) =>
          `  ${party.padEnd(10)}${cells(longPhases.map((phase) => `${this.crashes.get(`${party} ${phase}`) ?? 0}`))}`,
      ),
    ].join('\n');
  }
}

function count(figures: Map<string, number>, name: string): void {
  figures.set(name, (figures.get(name) ?? 0) + 1);
}
