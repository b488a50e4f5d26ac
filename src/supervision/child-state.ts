/**
 * The life of one child process as seen by the primary. Pure: time, chance and processes are given to it as
 * events and asked of it as effects, so that every path can be tested without a clock or a fork.
 *
 *                ┌───────────────── timeout ─────────────────┐
 *                ▼                                           │
 *   first ──▶ starting ── exited ──▶ a death ──────────────▶ backoff ── drain ──▶ stopped
 *                │                    ▲    │                                       ▲   ▲
 *              ready                  │    └ too many ─▶ failed ── drain ──────────┘   │
 *                ▼                    │                   │  ▲ └ restart ──▶ starting   │
 *              ready ──── exited ─────┤              timeout │                         │
 *              │   ▲                  │                   ▼ exited                     │
 *          silent heard               │                  retrying ── ready ──▶ ready   │
 *              ▼   │                  │                      │                         │
 *              silent ─── exited ─────┘                    drain                       │
 *                └ drain, also from starting and ready ──▶ draining ── exited ─────────┘
 *
 * A child whose code or settings are new on disk ends in one of two ways that are no deaths. What has something of its
 * own hands over, and the next process takes its place; what shares the port with its successor retires:
 *
 *   ready ── hand-over ──▶ handing-over ── exited ──▶ starting         ready ── retire ──▶ retiring ── exited ──▶ stopped
 *
 * Entering a state sets its timer anew: in `starting`, `retrying` and while it ends a timeout kills, in `backoff` and
 * `failed` it forks. A child that exits because it has `refused` to serve has failed at once. A silent child that stays
 * so is `lost`, and killed. An event that a state does not list is late
 * news and changes nothing.
 */

export type ChildState =
  | { readonly name: 'starting'; readonly deaths: number }
  | { readonly name: 'ready'; readonly deaths: number; readonly sinceMs: number }
  /** It serves, or did: nothing has been heard of it for a second. */
  | { readonly name: 'silent'; readonly deaths: number; readonly sinceMs: number }
  | { readonly name: 'draining' }
  /** It drains, and a process that was made ready before takes its place. */
  | { readonly name: 'handing-over' }
  /** Its successor serves beside it: it lets clients go, and ends. */
  | { readonly name: 'retiring' }
  | { readonly name: 'stopped' }
  | { readonly name: 'backoff'; readonly deaths: number }
  /** It keeps dying. Whoever waits for it is told so at once. */
  | { readonly name: 'failed' }
  /** It is given one more life, and counts as failed until that serves. */
  | { readonly name: 'retrying' };

export type ChildStateName = ChildState['name'];

/** Nobody need wait for such a child: it will not serve within seconds. */
export function isGivenUp(state: string): boolean {
  return state === 'failed' || state === 'retrying';
}

export type ChildEvent =
  | { readonly kind: 'ready'; readonly atMs: number }
  | { readonly kind: 'exited'; readonly atMs: number }
  /** It exited because something is wrong that no restart mends. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'timeout' }
  /** No sign of life for a second, though the process is there. */
  | { readonly kind: 'silent' }
  /** A sign of life after all. */
  | { readonly kind: 'heard' }
  /** No sign of life for too long. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'drain' }
  | { readonly kind: 'hand-over' }
  | { readonly kind: 'retire' }
  /** An operator wants a failed child back. */
  | { readonly kind: 'restart' };

export type ChildEffect =
  | { readonly kind: 'fork' }
  | { readonly kind: 'kill'; readonly why: KillReason }
  | { readonly kind: 'ask-to-drain' }
  | { readonly kind: 'ask-to-retire' }
  /** Replaces any earlier timer of this child. */
  | { readonly kind: 'set-timer'; readonly delayMs: number }
  | { readonly kind: 'clear-timer' };

/** Why the supervisor itself ends a process, and no signal of others. */
export type KillReason = 'start-overdue' | 'no-sign-of-life' | 'drain-overdue';

export type RestartPolicy = {
  readonly restartDelayMinMs: number;
  readonly restartDelayMaxMs: number;
  /** A child that was ready this long is healthy: its earlier deaths are forgotten. */
  readonly healthyAfterMs: number;
  /** Deaths without a healthy life between them; one more and the child has failed. */
  readonly deathsMax: number;
  /** A failed child gets another life after so long: its cause may have been mended. */
  readonly failedRetryMs: number;
  readonly startDeadlineMs: number;
  readonly drainDeadlineMs: number;
  readonly retireDeadlineMs: number;
};

export const defaultRestartPolicy: RestartPolicy = {
  restartDelayMinMs: 100,
  restartDelayMaxMs: 10_000,
  healthyAfterMs: 60_000,
  deathsMax: 7,
  failedRetryMs: 60_000,
  // Recovery of a full WAL takes well under a second; this is for a disk that hangs.
  startDeadlineMs: 30_000,
  drainDeadlineMs: 2_000,
  // A request may take a minute to arrive, and its answer another to be read.
  retireDeadlineMs: 130_000,
};

export type Step = { readonly state: ChildState; readonly effects: readonly ChildEffect[] };

/** @param random 0 to 1, for jitter */
type Context = { readonly policy: RestartPolicy; readonly random: () => number };

type Transition<S extends ChildStateName, E extends ChildEvent['kind']> = (
  state: Extract<ChildState, { name: S }>,
  event: Extract<ChildEvent, { kind: E }>,
  context: Context,
) => Step;

type TransitionTable = { readonly [S in ChildStateName]: { readonly [E in ChildEvent['kind']]?: Transition<S, E> } };

const transitions: TransitionTable = {
  starting: {
    ready: ({ deaths }, { atMs }) => ({
      state: { name: 'ready', deaths, sinceMs: atMs },
      effects: [{ kind: 'clear-timer' }],
    }),
    exited: ({ deaths }, _event, context) => afterDeath(deaths + 1, context),
    refused: (_state, _event, { policy }) => failed(policy),
    timeout: (state) => ({ state, effects: [{ kind: 'kill', why: 'start-overdue' }] }),
    drain: (_state, _event, { policy }) => draining(policy),
  },
  ready: {
    exited: endOfLife,
    silent: ({ deaths, sinceMs }) => ({
      state: { name: 'silent', deaths, sinceMs },
      effects: [{ kind: 'clear-timer' }],
    }),
    'hand-over': (_state, _event, { policy: { drainDeadlineMs } }) => ({
      state: { name: 'handing-over' },
      effects: [{ kind: 'ask-to-drain' }, { kind: 'set-timer', delayMs: drainDeadlineMs }],
    }),
    retire: (_state, _event, { policy: { retireDeadlineMs } }) => ({
      state: { name: 'retiring' },
      effects: [{ kind: 'ask-to-retire' }, { kind: 'set-timer', delayMs: retireDeadlineMs }],
    }),
    drain: (_state, _event, { policy }) => draining(policy),
  },
  silent: {
    heard: ({ deaths, sinceMs }) => ({ state: { name: 'ready', deaths, sinceMs }, effects: [{ kind: 'clear-timer' }] }),
    lost: (state) => ({ state, effects: [{ kind: 'kill', why: 'no-sign-of-life' }] }),
    exited: endOfLife,
    drain: (_state, _event, { policy }) => draining(policy),
  },
  draining: {
    exited: () => stopped,
    refused: () => stopped,
    timeout: (state) => ({ state, effects: [{ kind: 'kill', why: 'drain-overdue' }] }),
  },
  'handing-over': {
    exited: (_state, _event, { policy }) => starting(0, policy),
    timeout: (state) => ({ state, effects: [{ kind: 'kill', why: 'drain-overdue' }] }),
    drain: (_state, _event, { policy }) => draining(policy),
  },
  retiring: {
    exited: () => stopped,
    timeout: (state) => ({ state, effects: [{ kind: 'kill', why: 'drain-overdue' }] }),
    drain: (_state, _event, { policy }) => draining(policy),
  },
  backoff: {
    timeout: ({ deaths }, _event, { policy }) => starting(deaths, policy),
    drain: () => stopped,
  },
  failed: {
    timeout: (_state, _event, { policy }) => begin({ name: 'retrying' }, policy),
    restart: (_state, _event, { policy }) => starting(0, policy),
    drain: () => stopped,
  },
  retrying: {
    // Its deaths are forgotten once it has been healthy; one more before that and it has failed again.
    ready: (_state, { atMs }, { policy: { deathsMax } }) => ({
      state: { name: 'ready', deaths: deathsMax, sinceMs: atMs },
      effects: [{ kind: 'clear-timer' }],
    }),
    exited: (_state, _event, { policy }) => failed(policy),
    refused: (_state, _event, { policy }) => failed(policy),
    timeout: (state) => ({ state, effects: [{ kind: 'kill', why: 'start-overdue' }] }),
    drain: (_state, _event, { policy }) => draining(policy),
  },
  stopped: {},
};

/** The life of a child begins like this. */
export function firstStep(policy: RestartPolicy): Step {
  return starting(0, policy);
}

export function nextStep(state: ChildState, event: ChildEvent, context: Context): Step {
  const transition = transitions[state.name][event.kind] as
    | ((state: ChildState, event: ChildEvent, context: Context) => Step)
    | undefined;
  return transition?.(state, event, context) ?? { state, effects: [] };
}

const stopped: Step = { state: { name: 'stopped' }, effects: [{ kind: 'clear-timer' }] };

function starting(deaths: number, policy: RestartPolicy): Step {
  return begin({ name: 'starting', deaths }, policy);
}

/** A process that is to serve within its deadline. */
function begin(state: ChildState, { startDeadlineMs }: RestartPolicy): Step {
  return { state, effects: [{ kind: 'fork' }, { kind: 'set-timer', delayMs: startDeadlineMs }] };
}

function draining({ drainDeadlineMs }: RestartPolicy): Step {
  return {
    state: { name: 'draining' },
    effects: [{ kind: 'ask-to-drain' }, { kind: 'set-timer', delayMs: drainDeadlineMs }],
  };
}

function failed({ failedRetryMs }: RestartPolicy): Step {
  return { state: { name: 'failed' }, effects: [{ kind: 'set-timer', delayMs: failedRetryMs }] };
}

/** Of a child that served. */
function endOfLife(
  { deaths, sinceMs }: { readonly deaths: number; readonly sinceMs: number },
  { atMs }: { readonly atMs: number },
  context: Context,
): Step {
  return afterDeath(atMs - sinceMs >= context.policy.healthyAfterMs ? 1 : deaths + 1, context);
}

function afterDeath(deaths: number, { policy, random }: Context): Step {
  if (deaths > policy.deathsMax) return failed(policy);
  return {
    state: { name: 'backoff', deaths },
    effects: [{ kind: 'set-timer', delayMs: restartDelayMs(deaths, policy, random()) }],
  };
}

/** Doubles with every death; jitter takes off up to half, so that children that die together restart apart. */
export function restartDelayMs(deaths: number, policy: RestartPolicy, random: number): number {
  const full = Math.min(policy.restartDelayMaxMs, policy.restartDelayMinMs * 2 ** (deaths - 1));
  return Math.round(full * (1 - random / 2));
}
