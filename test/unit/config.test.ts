/**
 * Where each setting comes from and what is said when it is wrong: an operator reads the message, not the source,
 * so it must name the very flag, variable or field, and what is allowed there.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config/read-config.ts';
import {
  defaultShards,
  flagOf,
  routersMax,
  routersOf,
  type ServiceConfig,
  type Strategy,
  settingNames,
  settings,
  variableOf,
} from '../../src/config/service-config.ts';

type SettingName = keyof ServiceConfig;

const MiB = 1024 * 1024;

let directory: string;
let filesWritten = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'shardlite-config-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

type RightValues<T> = readonly [flag: string, variable: string, field: T];

/** A value of each setting for each source: different from the next where there are as many. */
const rightValues: { readonly [K in SettingName]: RightValues<ServiceConfig[K]> } = {
  port: ['1', '2', 3],
  host: ['0.0.0.0', '::1', 'db.example'],
  adminPort: ['4', '5', 'off'],
  strategy: ['cloned', 'single', 'partitioned'],
  shards: ['255', '254', 253],
  routers: ['63', '62', 61],
  reads: ['direct', 'forwarded', 'direct'],
  clones: ['62', '61', 60],
  store: ['redis://flag', 'redis://variable:7000,other', 'redis://user:secret@field:7000'],
  data: ['/flag', './variable', 'field'],
  valueBytesMax: ['1', '2', 3],
  bodyMemoryBytesMax: ['16777216', '16777217', 16777218],
  reserveBytes: ['0', '1048576', 65_536],
  allowedHosts: ['flag.example', 'variable.example', ['field.example']],
  allowedOrigins: ['https://flag.example', 'http://variable.example:3000', ['http://[::1]:3000']],
  upgradeCopies: ['none', 'keep', 'none'],
  open: ['true', 'false', true],
  jwtKeys: ['/flag.json', './variable.json', 'field.json'],
  jwtAudiences: ['flag', 'variable', ['field']],
  tlsCert: ['/flag.pem', './variable.pem', 'field.pem'],
  tlsKey: ['/flag.pem', './variable.pem', 'field.pem'],
  rateLimit: ['1/s', '20/m', '300/h'],
  healthyAfterMs: ['1000', '2000', 3000],
  failedRetryMs: ['1000', '2000', 3000],
  failedExitMs: ['0', '2000', 3000],
  memoryMax: ['134217728', '134217729', 134217730],
  logLevel: ['debug', 'warn', 'silent'],
  logDir: ['/flag', './variable', 'field'],
  logFileBytesMax: ['0', '2', 3],
  logFilesMax: ['1', '2', 3],
  accessLog: ['on', 'keys', 'off'],
  slowMs: ['1', '2', 3],
};

describe.each(settingNames)('the setting %s', (name) => {
  const [flag, variable, field] = rightValues[name];
  const flags = { [name]: flag };
  const environment = { [variableOf(name)]: variable };

  test('is taken from its flag, else its variable, else the file, else its default', () => {
    const file = fileOf({ [name]: field });
    const fromFlag = readConfig({ flags, environment, file })[name];
    const fromVariable = readConfig({ flags: {}, environment, file })[name];
    const fromFile = readConfig({ flags: {}, environment: {}, file })[name];
    const fromDefault = readConfig({ flags: {}, environment: {}, file: undefined })[name];
    expect(String(fromFlag)).toBe(flag);
    expect(String(fromVariable)).toBe(variable);
    expect(fromFile).toEqual(field);
    expect(fromDefault).toEqual(settings[name].default);
  });

  test('leaves all other settings alone', () => {
    const usual = readConfig({ flags: {}, environment: {}, file: undefined });
    const config = readConfig({ flags, environment: {}, file: undefined });
    expect({ ...config, [name]: usual[name] }).toEqual(usual);
  });

  test('when wrong is reported with its source, what stood there and what is allowed', () => {
    const wrong = '!';
    const file = fileOf({ [name]: [wrong, null] });
    const allowed = settings[name].allowed;
    expect(complaint({ flags: { [name]: '' } })).toBe(`--${flagOf(name)} is "", but must be ${allowed}.`);
    expect(complaint({ environment: { [variableOf(name)]: '' } })).toBe(
      `${variableOf(name)} is "", but must be ${allowed}.`,
    );
    expect(complaint({ file })).toBe(`"${name}" in ${file} is ["!",null], but must be ${allowed}.`);
  });

  test('is refused as null', () => {
    expect(complaint({ file: fileOf({ [name]: null }) })).toContain(`"${name}"`);
  });
});

test('flags and variables are spelled as the usage says', () => {
  expect(flagOf('valueBytesMax')).toBe('value-bytes-max');
  expect(variableOf('valueBytesMax')).toBe('SHARDLITE_VALUE_BYTES_MAX');
  expect(variableOf('port')).toBe('SHARDLITE_PORT');
});

test('a new data directory gets at least two shards', () => {
  expect(defaultShards()).toBeGreaterThanOrEqual(2);
});

describe('a right value', () => {
  test.each<[name: SettingName, raw: unknown, value: unknown]>([
    ['valueBytesMax', '1048576', MiB],
    ['valueBytesMax', 1_048_576, MiB],
    ['valueBytesMax', '64KiB', 64 * 1024],
    ['valueBytesMax', '64 kib', 64 * 1024],
    ['valueBytesMax', '4MiB', 4 * MiB],
    ['valueBytesMax', '16MiB', 16 * MiB],
    ['valueBytesMax', '16777216B', 16 * MiB],
    ['port', '0', 0],
    ['port', 65_535, 65_535],
    ['port', '65535', 65_535],
    ['shards', '256', 256],
    ['routers', 64, 64],
    ['allowedHosts', '*', ['*']],
    ['allowedHosts', 'a.example, b.example', ['a.example', 'b.example']],
    ['allowedHosts', '[::1],10.0.0.1', ['[::1]', '10.0.0.1']],
    ['allowedHosts', ['a.example', 'b.example'], ['a.example', 'b.example']],
    ['allowedHosts', [], []],
  ])('of %s is %j', (name, raw, value) => {
    expect(readConfig({ flags: {}, environment: {}, file: fileOf({ [name]: raw }) })[name]).toEqual(value);
  });
});

describe('a wrong value', () => {
  test.each<[name: SettingName, raw: unknown]>([
    ['valueBytesMax', '17MiB'],
    ['valueBytesMax', '16777217'],
    ['valueBytesMax', '0'],
    ['valueBytesMax', 0],
    ['valueBytesMax', '-1'],
    ['valueBytesMax', -1],
    ['valueBytesMax', '1.5MiB'],
    ['valueBytesMax', 1.5],
    ['valueBytesMax', 'x'],
    ['valueBytesMax', 'MiB'],
    ['valueBytesMax', '1MB'],
    ['valueBytesMax', '1GiB'],
    ['valueBytesMax', '1constructor'],
    ['valueBytesMax', true],
    ['valueBytesMax', ['64KiB']],
    ['port', '65536'],
    ['port', '-1'],
    ['port', '80.5'],
    ['port', '1e3'],
    ['port', '0x50'],
    ['port', ' 80'],
    ['port', true],
    ['port', [80]],
    ['shards', 0],
    ['shards', 257],
    ['routers', '65'],
    ['host', 'http://localhost'],
    ['host', 'two hosts'],
    ['host', 127],
    ['data', 7],
    ['allowedHosts', 'a.example,,b.example'],
    ['allowedHosts', 'a.example:7700'],
    ['allowedHosts', 'http://a.example'],
    ['allowedHosts', ['a.example', 7]],
    ['allowedHosts', { a: 1 }],
  ])('of %s is %j', (name, raw) => {
    expect(complaint({ file: fileOf({ [name]: raw }) })).toContain(settings[name].allowed);
    if (typeof raw !== 'string') return;
    expect(complaint({ flags: { [name]: raw } })).toContain(`--${flagOf(name)} is ${JSON.stringify(raw)}`);
    expect(complaint({ environment: { [variableOf(name)]: raw } })).toContain(variableOf(name));
  });
});

describe('the environment', () => {
  test.each([
    ['SHARDLITE_PROT', 'SHARDLITE_PORT'],
    ['SHARDLITE_VALUES_BYTES_MAX', 'SHARDLITE_VALUE_BYTES_MAX'],
    ['SHARDLITE_ROUTER', 'SHARDLITE_ROUTERS'],
    ['SHARDLITE_LOGLEVEL', 'SHARDLITE_LOG_LEVEL'],
    ['SHARDLITE_ALLOWED_HOST', 'SHARDLITE_ALLOWED_HOSTS'],
  ])('with %s is refused: %s is meant', (wrong, meant) => {
    expect(complaint({ environment: { [wrong]: '1' } })).toBe(`${wrong} is not a setting. Do you mean ${meant}?`);
  });

  test('with a variable that resembles none is refused with all there are', () => {
    const all = [...settingNames.map(variableOf), 'SHARDLITE_CONFIG', 'SHARDLITE_TOKEN', 'SHARDLITE_URL'].join(', ');
    expect(complaint({ environment: { SHARDLITE_FROBNICATE: '1' } })).toBe(
      `SHARDLITE_FROBNICATE is not a setting. The settings are ${all}.`,
    );
  });

  test('may hold whatever is not ours', () => {
    const environment = { PATH: '/bin', SHARD: '1', XSHARDLITE_PROT: '1', shardlite_prot: '1' };
    expect(readConfig({ flags: {}, environment, file: undefined }).port).toBe(7700);
  });

  test.each(['banana', '', 'INFO', '30'])(
    'with the log level %j is refused with the levels that there are',
    (level) => {
      expect(complaint({ environment: { SHARDLITE_LOG_LEVEL: level } })).toBe(
        `SHARDLITE_LOG_LEVEL is "${level}", but must be trace, debug, info, warn, error, fatal or silent.`,
      );
    },
  );

  test.each(['trace', 'silent'])('may have the log level %s', (level) => {
    const environment = { SHARDLITE_LOG_LEVEL: level };
    expect(readConfig({ flags: {}, environment, file: undefined }).port).toBe(7700);
  });
});

describe('routers', () => {
  const withReads = (flags: Record<string, string>) =>
    routersOf(readConfig({ flags, environment: {}, file: undefined }));

  test('are one a core where they read by themselves, and leave half of the cores to the shards where not', () => {
    const cores = availableParallelism();
    expect(withReads({ reads: 'direct' })).toBe(Math.min(cores, routersMax));
    expect(withReads({})).toBe(Math.min(Math.max(1, Math.floor(cores / 2)), routersMax));
  });

  test.each(['forwarded', 'direct'])('are as many as somebody says, with %s reads too', (reads) => {
    expect(withReads({ reads, routers: '5' })).toBe(5);
  });
});

describe('a strategy', () => {
  test.each<[Strategy, SettingName, string]>([
    ['cloned', 'routers', '3'],
    // Also where it is what another strategy would have taken by itself.
    ['cloned', 'routers', String(routersOf({ routers: undefined, reads: 'forwarded' }))],
    ['cloned', 'shards', '2'],
    ['single', 'shards', '3'],
    ['single', 'routers', '1'],
    ['single', 'clones', '2'],
    ['partitioned', 'clones', '2'],
  ])('%s is refused with a setting of another: %s', (strategy, name, value) => {
    const [flag, variable] = [`--${flagOf(name)}`, variableOf(name)];
    const file = fileOf({ [name]: value });
    const without = `but the ${strategy} strategy does not use it. Leave it out.`;
    expect(complaint({ flags: { strategy, [name]: value } })).toBe(`${flag} is "${value}", ${without}`);
    expect(complaint({ flags: { strategy }, environment: { [variable]: value } })).toBe(
      `${variable} is "${value}", ${without}`,
    );
    expect(complaint({ flags: { strategy }, file })).toBe(`"${name}" in ${file} is "${value}", ${without}`);
  });

  test('may have its own, and what is for all', () => {
    const read = (flags: object) => readConfig({ flags: flags as never, environment: {}, file: undefined });
    expect(read({ strategy: 'partitioned', shards: '3', routers: '2', store: 'sqlite', port: '0' }).shards).toBe(3);
    expect(read({ strategy: 'cloned', clones: '3', store: 'redis://host' }).clones).toBe(3);
    expect(read({ strategy: 'single', store: 'sqlite', valueBytesMax: '1' }).store).toBe('sqlite');
    // Which strategy it is, the data directory knows.
    expect(read({ shards: '3', clones: '2' }).shards).toBe(3);
  });
});

describe('a configuration file', () => {
  // Names that every object inherits are no settings either.
  test.each(['prot', 'value-bytes-max', 'toString', 'constructor', '__proto__'])(
    'with the unknown field %j is refused with the known ones',
    (field) => {
      const file = fileOf(`{ "port": 1, ${JSON.stringify(field)}: 1 }`);
      expect(complaint({ file })).toBe(
        `"${field}" in ${file} is not a setting. The settings are ${settingNames.join(', ')}.`,
      );
    },
  );

  test.each(['[]', 'null', '7', '"port"', 'true'])('that holds %s is refused: it must be one object', (json) => {
    const file = fileOf(json);
    expect(complaint({ file })).toContain(`The configuration file ${file} must contain one JSON object`);
  });

  test('that is no JSON is refused by its name', () => {
    const file = fileOf('{ port: 1 }');
    expect(complaint({ file })).toContain(`The configuration file ${file} cannot be read: `);
  });

  test('may begin with a byte order mark, as some editors write it', () => {
    const file = fileOf('\ufeff{ "port": 1 }');
    expect(readConfig({ flags: {}, environment: {}, file }).port).toBe(1);
  });

  test('that is not there is refused by its name', () => {
    const file = join(directory, 'none.json');
    expect(complaint({ file })).toMatch(/^The configuration file .*none\.json cannot be read: ENOENT/);
  });

  test('may be empty but for its braces', () => {
    const usual = readConfig({ flags: {}, environment: {}, file: undefined });
    expect(readConfig({ flags: {}, environment: {}, file: fileOf({}) })).toEqual(usual);
  });
});

/** Path of a new file: JSON text as it is, anything else as JSON. */
function fileOf(content: unknown): string {
  const path = join(directory, `${++filesWritten}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

type Sources = Parameters<typeof readConfig>[0];

/** What readConfig says to these sources; fails when it has nothing to say. */
function complaint(sources: Partial<Sources>): string {
  try {
    readConfig({ flags: {}, environment: {}, file: undefined, ...sources });
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  return expect.fail('the configuration was accepted');
}
