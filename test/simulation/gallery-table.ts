/** `node dist/test/simulation/gallery-table.js > test/simulation/GALLERY.md`: which check catches which bug, and when. */

import { fileURLToPath } from 'node:url';
import { gallery } from './gallery.ts';
import { Workshop } from './gallery-trial.ts';

const workshop = new Workshop(fileURLToPath(new URL('../../..', import.meta.url)));

console.log(`# The gallery of bugs

Each bug was made in a copy of the build, and the simulation run until a seed failed that the build without it passes (from the seed on that found it before).
Written by \`node dist/test/simulation/gallery-table.js > test/simulation/GALLERY.md\`; held by \`gallery.test.ts\`.
Every edit is of the product. \`sums\` compares what arrived with what was sent; \`pause\` and \`undo\` hold what operators
were told.
\`history\` is the linearizability of what clients saw, \`answer\` that what one client was told of its write is true,
\`defect\` an exception of the product's own.

| bug | caught by | at seed |
|---|---|--:|`);
for (const mutant of gallery) {
  const { caughtBy, afterSeeds } = workshop.try(mutant);
  console.log(`| ${mutant.name} | ${caughtBy ?? '**nothing**'} | ${afterSeeds} |`);
}
workshop.close();
