/** One colour a shard, as far apart as neighbours can be: each is a golden angle from the one before. */

/** @param {number} shard */
export function colorOf(shard) {
  const hue = Math.round((215 + (shard - 1) * 137.508) % 360);
  return `light-dark(hsl(${hue} 62% 46%), hsl(${hue} 58% 60%))`;
}
