/** Whether what `results.json` holds is what this version writes there. Pure. */

import { exactly, integer, listOf, number, objectOf, oneOf, parsed, text } from '../src/supervision/shape.ts';
import { type Results, resultsSchema } from './results.ts';

const nothing = exactly(null);
const yesOrNo = oneOf(exactly(true), exactly(false));
const spread = objectOf({ median: number, min: number, max: number });
const contestant = objectOf({ strategy: text, fronts: integer, backs: integer });
const workload = objectOf({
  ...{ mix: text, distribution: text, dataSet: text, connections: integer, diskMs: number, rate: number },
});

const trial = objectOf({
  round: integer,
  ...{ requestsPerS: number, p50Ms: number, p99Ms: number, p999Ms: number },
  cpuUs: numbersByName,
  ...{ errors: integer, missing: integer, corrupt: integer, syncs: integer, othersShare: number },
});

const section = objectOf({
  ...{ name: text, title: text, rounds: integer, seconds: number },
  conditions: objectOf({ emulatedCores: oneOf(integer, nothing), memoryBytesMax: oneOf(integer, nothing) }),
  cells: listOf(objectOf({ id: text, cell: objectOf({ section: text, workload, contestant }), trials: listOf(trial) })),
});

const verdict = objectOf({
  ...{ requests: integer, staleReads: integer, lostUpdates: integer, lostIncrements: integer, inventedValues: integer },
});

const correctness = objectOf({
  contestant: text,
  durability: oneOf(objectOf({ contestant: text, writes: integer, syncs: integer, durable: yesOrNo }), nothing),
  registers: verdict,
  counters: verdict,
  kill: objectOf({
    ...{ killed: text, verdict, requests: integer, errors: integer, longestGapMs: number, recovered: yesOrNo },
    readsMeanwhile: oneOf(objectOf({ reads: integer, inTime: integer }), nothing),
  }),
});

const machine = objectOf({
  ...{ cores: integer, cpu: text, memoryBytes: integer, system: text, node: text, sqlite: text },
  redis: oneOf(text, nothing),
  disk: objectOf({ syncMs: number, isMemory: yesOrNo }),
});

const target = objectOf({
  ...{ title: text, bound: oneOf(exactly('at least'), exactly('at most')), wanted: number },
  ...{ ratio: oneOf(spread, nothing), reached: oneOf(yesOrNo, nothing) },
});

const results = objectOf({
  schema: exactly(resultsSchema),
  ...{ command: text, scale: text, commit: oneOf(text, nothing), startedAt: text, tookMs: number, seed: integer },
  ...{ machine, emulatedCore: oneOf(number, nothing), sections: listOf(section) },
  memory: listOf(objectOf({ contestant: text, section: text, bytes: numbersByName })),
  ...{ correctness: listOf(correctness), targets: listOf(target) },
  recommendation: oneOf(objectOf({ reads: text, routers: integer, shards: integer, why: text }), nothing),
  skipped: listOf(objectOf({ what: text, why: text })),
});

/** @throws TypeError when it is not */
export function parsedResults(json: string): Results {
  // What the shape leaves open, the names of strategies and data sets, are only ever looked up.
  return parsed(results, JSON.parse(json), 'results.json') as unknown as Results;
}

function numbersByName(value: unknown): value is Record<string, number> {
  return typeof value === 'object' && value !== null && Object.values(value).every((one) => number(one));
}
