/**
 * The table of errors: what an error of Redis, or of the connection to it, means for the operation that met it. Pure.
 */

export type ErrorMeaning =
  /** It was not done, and may be in a moment. */
  | 'refused'
  /** It was not done here; another server of the Cluster may do it at once. */
  | 'redirected'
  /** Nobody can tell whether it was done. */
  | 'lost'
  /** It was not done: this server takes no writes, since it is a replica, or has become one. */
  | 'read-only'
  /** It was not done, or not to its end: the user of the address may not, or nobody knows that user. */
  | 'denied'
  /** It was not done for want of memory or disk. */
  | 'full'
  /** Redis or Shardlite has a defect: no such answer was expected. */
  | 'defect';

/** First words of Redis's refusals that pass: while it starts, fails over, or moves slots. */
const passing = new Set(['BUSY', 'CLUSTERDOWN', 'LOADING', 'MASTERDOWN', 'NOREPLICAS', 'TRYAGAIN']);

const denying = new Set(['NOAUTH', 'NOPERM', 'WRONGPASS']);

const redirecting = new Set(['ASK', 'MOVED']);

/** What ioredis says when it has followed so many redirections, each of which was a refusal. */
const tooManyRedirections = /^Too many Cluster redirections\. Last error: ReplyError: /;

const noRoom = new Set(['MISCONF', 'OOM']);

export function meaningOf(error: Error): ErrorMeaning {
  if (error.name === 'ReplyError') {
    const [code = ''] = error.message.split(' ', 1);
    // A listing's script looks at many slots of one server, and one of them has moved or is moving.
    if (redirecting.has(code)) return 'redirected';
    if (code === 'READONLY') return 'read-only';
    if (denying.has(code) || isDenialWithinScript(error)) return 'denied';
    if (passing.has(code) || error.message.includes('non local key')) return 'refused';
    return noRoom.has(code) ? 'full' : 'defect';
  }
  // Thrown by redis-entry.ts and redis-reply.ts: the reply is not one of our scripts'.
  if (error instanceof RangeError) return 'defect';
  if (tooManyRedirections.test(error.message)) return 'refused';
  // ioredis had no connection, and never sent the command.
  return error.message.includes('enableOfflineQueue options is false') ? 'refused' : 'lost';
}

/** Redis keeps what the script had written before it was denied: nobody can say that nothing was done. */
export function isDenialWithinScript({ message }: Error): boolean {
  return message.includes('The user executing the script can') || /^ERR .*\bNOPERM\b/.test(message);
}

/** The keys of a script lie on two servers. @param message of an error */
export function isOfMovingSlot(message: string): boolean {
  return message.includes('TRYAGAIN ');
}
