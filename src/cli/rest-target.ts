/** Which service a command asks that goes over REST: that of a data directory here, or that of an address. Pure. */

import { durationOf } from './duration.ts';
import { CliFailure, exitCodes } from './exit.ts';

/** What every command has that goes over REST. */
export type RestOptions = {
  readonly data?: string;
  readonly url?: string;
  readonly token?: string;
  readonly timeout?: string;
};

export type RestTarget = {
  /** Where it is, or the directory whose running service knows. */
  readonly at: { readonly url: string } | { readonly data: string };
  readonly token: string | undefined;
  readonly isTokenFromEnvironment: boolean;
  /** Within so long a request is answered, however often it is sent. */
  readonly deadlineMs: number;
};

/** A flag wins over the environment; of the environment the address. @throws CliFailure with the exit code for wrong usage */
export function restTargetOf(options: RestOptions, environment: NodeJS.ProcessEnv): RestTarget {
  const token = options.token ?? environment['SHARDLITE_TOKEN'];
  // A header of other characters could not be sent, and the error would print it.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw wrong('The token has characters that no token can have. Use it as `shardctl token create` printed it.');
  }
  return {
    at: placeOf(options, environment),
    token,
    isTokenFromEnvironment: options.token === undefined && token !== undefined,
    deadlineMs: durationOf('--timeout', options.timeout ?? usualTimeout, '10s'),
  };
}

function placeOf({ data, url }: RestOptions, environment: NodeJS.ProcessEnv): RestTarget['at'] {
  if (data !== undefined && url !== undefined) {
    throw wrong('Use --data for a service on this machine, or --url for any other, not both.');
  }
  if (url !== undefined) return { url: addressOf(url, '--url') };
  const usual = environment['SHARDLITE_URL'];
  if (data === undefined && usual !== undefined) return { url: addressOf(usual, 'SHARDLITE_URL') };
  const directory = data ?? environment['SHARDLITE_DATA'] ?? 'shards';
  if (directory === '') throw wrong('SHARDLITE_DATA is empty. Give it a value, or unset it.');
  return { data: directory };
}

function addressOf(text: string, name: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '';
  // Node sends no password of an address, and an error would print it.
  if (!isPlain || url.username !== '' || url.password !== '') {
    throw wrong(
      `${name} is not the address of a service. Write it like http://127.0.0.1:7700. Put a token into SHARDLITE_TOKEN.`,
    );
  }
  return url.href.replace(/\/+$/, '');
}

/** Of `--timeout`. */
export const usualTimeout = '30s';

function wrong(sentence: string): CliFailure {
  return new CliFailure(exitCodes.usage, sentence);
}
