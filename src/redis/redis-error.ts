/** What an error of Redis, or of the way to it, means for the operation that met it. Pure. */

export type ErrorMeaning =
  /** It was not done, and may be in a moment. */
  | 'refused'
  /** It was not done here; another server of the Cluster may do it at once. */
  | 'redirected'
  /** Nobody can tell whether it was done. */
  | 'lost'
  /** It was not done for want of memory or disk. */
  | 'full'
  /** Neither of us was built for this. */
  | 'defect';

/** First words of Redis's refusals that pass: while it starts, fails over, or moves slots. */
const passing = new Set(['BUSY', 'CLUSTERDOWN', 'LOADING', 'MASTERDOWN', 'NOREPLICAS', 'READONLY', 'TRYAGAIN']);

const redirecting = new Set(['ASK', 'MOVED']);

/** What ioredis says when it has followed so many redirections, each of which was a refusal. */
const tooManyRedirections = /^Too many Cluster redirections\. Last error: ReplyError: /;

const noRoom = new Set(['MISCONF', 'OOM']);

export function meaningOf(error: Error): ErrorMeaning {
  if (error.name === 'ReplyError') {
    const [code = ''] = error.message.split(' ', 1);
    // A script of the listing looks at many slots of one server, of which one may have moved.
    if (redirecting.has(code)) return 'redirected';
    if (passing.has(code) || error.message.includes('non local key')) return 'refused';
    return noRoom.has(code) ? 'full' : 'defect';
  }
  // What Redis answered is not what our scripts answer.
  if (error instanceof RangeError) return 'defect';
  if (tooManyRedirections.test(error.message)) return 'refused';
  // ioredis, without a connection: it was never sent.
  return error.message.includes('enableOfflineQueue options is false') ? 'refused' : 'lost';
}
