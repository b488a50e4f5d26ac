/** Reads and writes the address of a Redis or Valkey server, or of some nodes of a Cluster. Pure. */

type RedisNode = { readonly host: string; readonly port: number };

export type RedisAddress = {
  /** One server, or any nodes of a Cluster: they name the others. */
  readonly nodes: readonly RedisNode[];
  readonly username: string | null;
  readonly password: string | null;
};

const pattern = /^redis:\/\/(?:([^:@/]*):([^@/]+)@)?([^@/]+?)\/?$/;
const nodePattern = /^([\w.-]+|\[[\da-f:]+\])(?::(\d{1,5}))?$/i;
const defaultPort = 6_379;

/** @param text `redis://[user:password@]host[:port][,host[:port]…]`; undefined is returned for any other form */
export function redisAddressOf(text: string): RedisAddress | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, username = '', password, list = ''] = match;
  const nodes = list.split(',').map(nodeOf);
  if (!nodes.every((node) => node !== undefined)) return undefined;
  const [name, secret] = [decoded(username), decoded(password ?? '')];
  if (name === undefined || secret === undefined) return undefined;
  return { nodes, username: name === '' ? null : name, password: password === undefined ? null : secret };
}

/** The address without user and password, for logs and people. */
export function redisAddressText({ nodes }: RedisAddress): string {
  return `redis://${nodes.map(redisNodeText).join(',')}`;
}

export function redisNodeText({ host, port }: RedisNode): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Decodes percent-encoded UTF-8; undefined when the text is none. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function nodeOf(text: string): RedisNode | undefined {
  const match = nodePattern.exec(text.trim());
  const port = Number(match?.[2] ?? defaultPort);
  if (match === null || port < 1 || port > 65_535) return undefined;
  return { host: (match[1] as string).replace(/^\[|\]$/g, ''), port };
}
