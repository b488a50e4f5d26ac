/** One colour a strategy in every plot: Okabe and Ito's, which people who see fewer colours can tell apart. Pure. */

import type { Winner } from './findings.ts';

export const strategyColors: Readonly<Record<Winner, string>> = {
  partitioned: '#0072b2',
  'partitioned-direct': '#56b4e9',
  'partitioned-either': '#1b87c9',
  'cloned-group': '#d55e00',
  'cloned-commit': '#e69f00',
  'cloned-redis': '#009e73',
  single: '#7b8794',
  'http-hop': '#cc79a7',
  'ipc-hop': '#9c6fae',
  'cloned-memory': '#b8a100',
  bare: '#323f4b',
};

/** Shades for the roles of processes. */
export const roleColors: Readonly<Record<string, string>> = {
  router: '#56b4e9',
  shard: '#0072b2',
  clone: '#d55e00',
  redis: '#009e73',
  single: '#7b8794',
  server: '#7b8794',
  primary: '#f0e442',
  load: '#d9dee3',
};
