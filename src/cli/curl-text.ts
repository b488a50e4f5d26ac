/** A request as a `curl` command that a POSIX shell takes as it stands. Pure. */

export type CurlRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** The options of curl that say the body; quoted here. */
  readonly body: readonly string[];
  /** Names what the token comes from, which then is not shown. */
  readonly tokenVariable: string | undefined;
};

/** Made for each request alone: whoever runs the command twice means two writes. */
const unshownHeaders = ['idempotency-key'];

export function curlText({ method, url, headers, body, tokenVariable }: CurlRequest): string {
  const words = method === 'GET' ? ['curl'] : ['curl', '-X', method];
  words.push(shellWord(url));
  for (const [name, value] of headers) {
    if (unshownHeaders.includes(name)) continue;
    const isHidden = name === 'authorization' && tokenVariable !== undefined;
    words.push('-H', isHidden ? `"authorization: Bearer $${tokenVariable}"` : shellWord(`${name}: ${value}`));
  }
  return [...words, ...body.map(shellWord)].join(' ');
}

/** Quoted only where a shell would read it otherwise. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : quotedForShell(text);
}

/** For a POSIX shell: within single quotes it reads everything as it is, except those, and knows no escape. */
export function quotedForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
