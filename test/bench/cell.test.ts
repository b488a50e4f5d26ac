import { expect, test } from 'vitest';
import { cellOf, idOf } from '../../bench/cells/cell.ts';
import { contestantsOf, firstSection, laterSections } from '../../bench/cells/plan.ts';
import { type Abilities, anything, runPlanOf, runPlanOfCells } from '../../bench/cells/run-plan.ts';

const abilities: Abilities = { cores: 2, redis: true, cpuQuotas: true, memoryLimits: true };

test('each cell of a plan can be named, and found by its name', () => {
  for (const cores of [1, 2, 8, 32]) {
    const found = { ...anything(cores), getsPerS: 41_234, putsPerS: 98_765 };
    const sections = [firstSection('full', cores), ...laterSections('full', cores, found)];
    const cells = sections.flatMap((section) => section.cells);
    expect(cells.length).toBeGreaterThan(200);
    for (const cell of cells) expect(cellOf(idOf(cell))).toEqual(cell);
    expect(new Set(cells.map(idOf)).size).toBe(cells.length);
  }
});

test.each([
  'put',
  'strategies/put',
  'strategies/putt/single',
  'strategies/put-7x/single',
  'strategies/put/nobody',
  'strategies/put@fast/single',
  'strategies/put/single/more',
])('%s is no cell, and is said to be none', (id) => {
  expect(cellOf(id)).toBeUndefined();
  expect(runPlanOfCells(['strategies/put/single', id], abilities)).toEqual({ unknown: id });
});

test('cells of one section run together, under that section’s conditions', () => {
  const plan = runPlanOfCells(
    ['cores-8/get/partitioned-4x4', 'memory/get-huge/single', 'cores-8/get/cloned-group-8', 'correctness/single'],
    abilities,
  );
  if ('unknown' in plan) throw new Error('unknown');
  expect(plan.sections.map(({ name, cells }) => [name, cells.length])).toEqual([
    ['cores-8', 2],
    ['memory', 1],
  ]);
  expect(plan.sections[0]?.conditions.emulatedCores).toBe(8);
  expect(plan.sections[1]?.conditions.memoryBytesMax).toBeGreaterThan(0);
  expect(plan.correctness(null)).toHaveLength(1);
});

test('what this machine cannot do is left out, and said', () => {
  const plan = runPlanOf('full', { cores: 2, redis: false, cpuQuotas: false, memoryLimits: false });
  expect(plan.skipped).toHaveLength(3);
  const sections = [...plan.sections, ...plan.laterSections(anything(2))];
  expect(sections.flatMap(contestantsOf).map(({ strategy }) => strategy)).not.toContain('cloned-redis');
  expect(plan.correctness(null).map(({ strategy }) => strategy)).not.toContain('cloned-redis');
  // The curve over cores ends where the machine does.
  expect(sections.map(({ name }) => name)).toEqual([
    'strategies',
    'latency',
    'data',
    'workloads',
    'cores-1',
    'cores-2',
  ]);
  expect(sections.every(({ conditions }) => conditions.emulatedCores === null)).toBe(true);
  expect(runPlanOf('full', abilities).skipped).toEqual([]);
});
