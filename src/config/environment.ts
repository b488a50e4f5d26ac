/**
 * The variables of the environment that begin with SHARDLITE_. Every one of them is known or refused: a setting that is
 * misspelt would otherwise be passed over, and its default taken in silence. Pure.
 */

/** Two exchanged letters are two edits; one more leaves room for a missing letter or underscore. */
const misspeltEditsMax = 3;

/** Tests set these, and the services that they start inherit them. */
const variablesOfTests = [
  'SHARDLITE_CALENDAR_ORIGIN',
  'SHARDLITE_CALENDAR_SPEED',
  'SHARDLITE_FAILPOINT_FILE',
  'SHARDLITE_SEED',
  'SHARDLITE_SOAK_MINUTES',
];

/** Says in one sentence which variable is unknown, and which is probably meant; undefined when all are known. */
export function unknownVariable(environment: NodeJS.ProcessEnv, known: readonly string[]): string | undefined {
  const unknown = Object.keys(environment).find(
    (name) => name.startsWith('SHARDLITE_') && !known.includes(name) && !variablesOfTests.includes(name),
  );
  if (unknown === undefined) return undefined;
  const [closest] = known
    .map((name) => ({ name, edits: editsBetween(unknown, name) }))
    .sort((one, other) => one.edits - other.edits);
  return closest !== undefined && closest.edits <= misspeltEditsMax
    ? `${unknown} is not a setting. Do you mean ${closest.name}?`
    : `${unknown} is not a setting. The settings are ${known.join(', ')}.`;
}

/** Counts the letters to add, remove or replace (Levenshtein 1966), row by row (Wagner and Fischer 1974). */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [line, letter] of [...one].entries()) {
    const next = [line + 1];
    for (const [column, otherLetter] of [...other].entries()) {
      const replaced = (row[column] as number) + (letter === otherLetter ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] as number) + 1, (next[column] as number) + 1));
    }
    row = next;
  }
  return row[other.length] as number;
}
