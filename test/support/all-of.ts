/** Everything that an asynchronous iterable gives. Node has `Array.fromAsync` from 22 on. */
export async function allOf<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of iterable) all.push(one);
  return all;
}
