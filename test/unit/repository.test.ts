/** What hosts of repositories do with this one: the check of each change, and updates of dependencies. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { minVersion, satisfies } from 'semver';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { projectRoot, userDoc } from '../support/user-docs.ts';

const textOf = (path: string) => readFileSync(join(projectRoot, path), 'utf8');
const workflowFile = '.github/workflows/check.yml';

type Installed = {
  readonly version?: string;
  readonly engines?: { readonly node?: string };
};
const { packages } = JSON.parse(textOf('package-lock.json')) as { packages: Readonly<Record<string, Installed>> };
const oldestNode = minVersion(packages['']?.engines?.node as string)?.version as string;

test('the workflow is what GitHub takes, expressions included', async () => {
  const content = textOf(workflowFile);
  const { context, value } = parseWorkflow({ name: workflowFile, content }, new NoOperationTraceWriter());
  if (value !== undefined) await convertWorkflowTemplate(context, value);
  expect(context.errors.getErrors().map(({ message }) => message)).toEqual([]);
});

test('the workflow runs the whole check on Linux and macOS, under every Node that the README names', () => {
  type Job = {
    readonly strategy: { readonly matrix: { readonly os: readonly string[]; readonly node: readonly number[] } };
    readonly steps: readonly { readonly run?: string }[];
  };
  const { jobs } = parse(textOf(workflowFile)) as { readonly jobs: { readonly check: Job } };
  const { strategy, steps } = jobs.check;
  const named = /\((20[\d, or]+)\)/.exec(userDoc('README.md'))?.[1]?.match(/\d+/g)?.map(Number);
  expect(strategy.matrix.node).toEqual(named);
  expect(strategy.matrix.os).toEqual(['ubuntu-latest', 'macos-latest']);
  expect(steps.at(-1)?.run).toBe('.ci/run');
});

test('every installed package runs on the oldest Node that is supported', () => {
  const tooNew = Object.entries(packages).filter(
    ([, { engines }]) => engines?.node !== undefined && !satisfies(oldestNode, engines.node),
  );
  expect(tooNew.map(([path, { engines }]) => `${path} needs Node ${engines?.node}`)).toEqual([]);
});

test('updates that are held back are of packages that are installed, and not of the versions that are', () => {
  type Update = {
    readonly 'package-ecosystem': string;
    readonly ignore?: readonly { readonly 'dependency-name': string; readonly versions: readonly string[] }[];
  };
  const { updates } = parse(textOf('.github/dependabot.yml')) as { readonly updates: readonly Update[] };
  expect(updates.map((update) => update['package-ecosystem'])).toEqual(['npm', 'github-actions', 'docker']);
  const held = updates.flatMap(({ ignore = [] }) => ignore);
  expect(held.length).toBeGreaterThan(5);
  for (const { 'dependency-name': name, versions } of held) {
    const path = `node_modules/${name}`;
    const found = Object.keys(packages).filter((one) =>
      name.endsWith('*') ? one.startsWith(path.slice(0, -1)) : one === path,
    );
    expect(found, name).not.toEqual([]);
    for (const one of found) {
      const version = packages[one]?.version as string;
      expect(
        versions.filter((range) => satisfies(version, range)),
        `${name} ${version}`,
      ).toEqual([]);
    }
  }
});

test('the default data directory is there, and says what a service keeps in it', () => {
  const rows = textOf('shards/README.md').match(/^\| .*`.*$/gm) ?? [];
  const names = rows.flatMap((row) => row.split('|')[1]?.match(/[\w.*/-]{3,}/g) ?? []);
  const beside = ['-wal', '-shm', '-acknowledged', '-fence'];
  for (const name of ['meta.sqlite', 'shard-N.sqlite', 'reserve', 'tokens.json', 'run/']) expect(names).toContain(name);
  for (const suffix of beside) expect(names.some((name) => name.endsWith(`.sqlite${suffix}`))).toBe(true);
});
