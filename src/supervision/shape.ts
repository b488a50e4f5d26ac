/**
 * Checks that a value which came from outside has the shape that the types claim. Pure. Small on purpose: a
 * schema library takes longer to load (100–170 ms) than all else a restarting shard does.
 */

/** Whether a value has the shape; narrows its type. */
export type Shape<T> = (value: unknown) => value is T;

export type ShapeOf<S> = S extends Shape<infer T> ? T : never;

export const text: Shape<string> = (value): value is string => typeof value === 'string';
export const number: Shape<number> = (value): value is number => typeof value === 'number' && Number.isFinite(value);
export const integer: Shape<number> = (value): value is number => Number.isSafeInteger(value);

export function exactly<const T extends string | boolean | null>(wanted: T): Shape<T> {
  return (value): value is T => value === wanted;
}

export function oneOfTexts<const T extends string>(wanted: readonly T[]): Shape<T> {
  return (value): value is T => (wanted as readonly unknown[]).includes(value);
}

export const isTrueOrFalse: Shape<boolean> = (value): value is boolean => typeof value === 'boolean';

export function oneOf<const S extends readonly Shape<unknown>[]>(...shapes: S): Shape<ShapeOf<S[number]>> {
  return (value): value is ShapeOf<S[number]> => shapes.some((shape) => shape(value));
}

export function listOf<T>(item: Shape<T>): Shape<T[]> {
  return (value): value is T[] => Array.isArray(value) && value.every((one) => item(one));
}

export function tupleOf<const S extends readonly Shape<unknown>[]>(
  ...items: S
): Shape<{ -readonly [I in keyof S]: ShapeOf<S[I]> }> {
  return (value): value is { -readonly [I in keyof S]: ShapeOf<S[I]> } =>
    Array.isArray(value) && value.length === items.length && items.every((item, index) => item(value[index]));
}

type Fields = Readonly<Record<string, Shape<unknown>>>;
type ObjectOf<F extends Fields> = { [K in keyof F]: ShapeOf<F[K]> };

/** Further fields are ignored. */
export function objectOf<const F extends Fields>(fields: F): Shape<ObjectOf<F>> {
  return (value): value is ObjectOf<F> =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(fields).every(([name, shape]) => shape((value as Record<string, unknown>)[name]));
}

/** Whatever its fields are called. */
export function recordOf<T>(item: Shape<T>): Shape<Record<string, T>> {
  return (value): value is Record<string, T> =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(item);
}

/** @throws TypeError when the value has not this shape */
export function parsed<T>(shape: Shape<T>, value: unknown, what: string): T {
  if (!shape(value)) throw new TypeError(`${what} has an unexpected shape: ${JSON.stringify(value)?.slice(0, 200)}`);
  return value;
}
