/** The table of errors: what each text of Redis and of ioredis means for the operation that met it. */

import { expect, test } from 'vitest';
import { isDenialWithinScript, meaningOf } from '../../src/redis/redis-error.ts';

function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}

test.each([
  ['LOADING Redis is loading the dataset in memory', 'refused'],
  ['BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.', 'refused'],
  ['CLUSTERDOWN The cluster is down', 'refused'],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'refused'],
  ['NOREPLICAS Not enough good replicas to write.', 'refused'],
  ['ERR Script attempted to access a non local key in a cluster node script: 5686ca01, on @user_script:4.', 'refused'],
  ['MOVED 5798 127.0.0.1:7001', 'redirected'],
  ['ASK 5798 127.0.0.1:7001', 'redirected'],
  ["READONLY You can't write against a read only replica.", 'read-only'],
  ["READONLY You can't write against a read only replica. script: 5686ca01, on @user_script:161.", 'read-only'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'denied'],
  ['NOAUTH Authentication required.', 'denied'],
  ["NOPERM this user has no permissions to run the 'get' command", 'denied'],
  [
    "ERR The user executing the script can't run this command or subcommand script: 5686ca01, on @user_script:1.",
    'denied',
  ],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'full'],
  ['MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.', 'full'],
  ["ERR unknown command 'evalsha'", 'defect'],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'defect'],
])('Redis answers %j: %s', (message, meaning) => {
  expect(meaningOf(replyError(message))).toBe(meaning);
});

test.each([
  ["Stream isn't writeable and enableOfflineQueue options is false", 'refused'],
  ["Cluster isn't ready and enableOfflineQueue options is false", 'refused'],
  ['Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys request', 'refused'],
  ['Too many Cluster redirections. Last error: Error: Connection is closed.', 'lost'],
  ['Connection is closed.', 'lost'],
  ['read ECONNRESET', 'lost'],
])('ioredis says %j: %s', (message, meaning) => {
  expect(meaningOf(new Error(message))).toBe(meaning);
});

test('only a script that was denied may have written before', () => {
  const within =
    "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments";
  expect(isDenialWithinScript(replyError(within))).toBe(true);
  expect(isDenialWithinScript(replyError("NOPERM this user has no permissions to run the 'evalsha' command"))).toBe(
    false,
  );
});
