/** How much there is to read, and how long its sentences are. Pure. */

export type Readability = { readonly words: number; readonly sentences: number; readonly wordsASentence: number };

/** Of the prose of a page in Markdown: without code, pictures, addresses and the lines of tables. A list item is a sentence or more. */
export function readabilityOf(markdown: string): Readability {
  const prose = markdown
    .replace(/```.*?```/gs, '')
    .replace(/^(\||#).*$/gm, '')
    .replace(/!\[[^\]]*\]\([^)]*\)/g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  const sentences = prose
    .split(/(?<=[.!?:])\s+(?=[A-Z`*[])|\n\s*\n|^- /m)
    .map((sentence) => sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length)
    .filter((words) => words > 2);
  const words = sentences.reduce((sum, one) => sum + one, 0);
  return { words, sentences: sentences.length, wordsASentence: Math.round((words * 10) / sentences.length) / 10 };
}
