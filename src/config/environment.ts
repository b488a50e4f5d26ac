/**
 * The variables of the environment that begin with SHARDLITE_. Every one of them is known or refused: a setting that is
 * misspelt would otherwise be passed over, and its default taken in silence. Pure.
 */

/** As far apart as a misspelling is: two letters exchanged are two edits, and so is a word's ending left out. */
const misspeltEditsMax = 3;

/** What tests set for a service or for themselves, and a service they start inherits. */
const variablesOfTests = ['SHARDLITE_FAILPOINT_FILE', 'SHARDLITE_SEED', 'SHARDLITE_SOAK_MINUTES'];

/** A sentence about the first variable that is not known; undefined when all are. */
export function unknownVariable(environment: NodeJS.ProcessEnv, known: readonly string[]): string | undefined {
  const unknown = Object.keys(environment).find(
    (name) => name.startsWith('SHARDLITE_') && !known.includes(name) && !variablesOfTests.includes(name),
  );
  if (unknown === undefined) return undefined;
  const [closest] = known
    .map((name) => ({ name, edits: editsBetween(unknown, name) }))
    .sort((one, other) => one.edits - other.edits);
  return closest !== undefined && closest.edits <= misspeltEditsMax
    ? `${unknown} is no setting: is ${closest.name} meant?`
    : `${unknown} is no setting; there are ${known.join(', ')}.`;
}

/** Letters to add, leave out or replace until one text is the other (Levenshtein 1966; Wagner and Fischer 1974). */
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
