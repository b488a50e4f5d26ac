/**
 * What the clients of one key–value service asked and were answered, as a linearizability checker reads it. Clients
 * record it themselves, so it holds what a client can know and no more: no judgement lives here.
 */

type Recorded = {
  readonly client: number;
  readonly key: string;
  /** Both times are of one monotonic clock, the same for all clients. Equal times count as overlapping. */
  readonly invokedAtMs: number;
  /** When the client had its answer or gave up; missing when the history ended first. */
  readonly completedAtMs?: number;
};

type Answer = { readonly kind: 'read'; readonly value: string | null; readonly version?: number };
/** A delete is applied also when there was nothing to delete. */
type Applied = { readonly kind: 'applied'; readonly version?: number };
/** The condition did not hold, so there was no effect: 412. */
type Refused = { readonly kind: 'refused' };
/** The service says that there was no effect, and there never will be one. Of a get: it failed. */
type NotApplied = { readonly kind: 'not-applied' };
/** Nobody can tell: a write takes effect once, at any moment after its invocation, however late, or never. */
type Ambiguous = { readonly kind: 'ambiguous' };

type Unanswered = NotApplied | Ambiguous;

/** No two writes of a history carry the same value, on whatever keys: a value names the write it came from. */
type Value = { readonly value: string };
/** A version that the history tells of, or one that no write ever gets. A lucky guess would count as a mistake. */
type Condition = { readonly expectedVersion: number };

export type Operation = Recorded &
  (
    | { readonly kind: 'get'; readonly outcome: Answer | Unanswered }
    | ({ readonly kind: 'put'; readonly outcome: Applied | Unanswered } & Value)
    | { readonly kind: 'delete'; readonly outcome: Applied | Unanswered }
    | ({ readonly kind: 'put-if-absent'; readonly outcome: Applied | Refused | Unanswered } & Value)
    | ({ readonly kind: 'put-if-version'; readonly outcome: Applied | Refused | Unanswered } & Value & Condition)
    | ({ readonly kind: 'delete-if-version'; readonly outcome: Applied | Refused | Unanswered } & Condition)
  );

const valueLengthMax = 32;

/** `put-if-version 3 "b" → applied, version 4`: one line, of bounded length. */
export function describeOperation(operation: Operation): string {
  const condition = 'expectedVersion' in operation ? ` ${operation.expectedVersion}` : '';
  const value = 'value' in operation ? ` ${describeValue(operation.value)}` : '';
  return `${operation.kind}${condition}${value} → ${describeOutcome(operation.outcome)}`;
}

function describeOutcome(outcome: Operation['outcome']): string {
  const answer = outcome.kind === 'read' ? describeValue(outcome.value) : outcome.kind;
  return 'version' in outcome && outcome.version !== undefined ? `${answer}, version ${outcome.version}` : answer;
}

function describeValue(value: string | null): string {
  if (value === null) return 'absent';
  return value.length > valueLengthMax ? `${JSON.stringify(value.slice(0, valueLengthMax))}…` : JSON.stringify(value);
}
