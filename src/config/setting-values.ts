/** What a setting may be, and how its value is taken from text or JSON: undefined when it is not allowed. Pure. */

export const MiB = 1024 * 1024;

export function oneOfText(texts: readonly string[]): string {
  return texts.join(', ').replace(/, (\w+)$/, ' or $1');
}

export function oneOf<T extends string>(values: readonly T[]): (raw: unknown) => T | undefined {
  return (raw) => values.find((value) => value === raw);
}

export function wholeNumber(min: number, max: number): (raw: unknown) => number | undefined {
  return (raw) => {
    const value = typeof raw === 'string' && /^\d+$/.test(raw) ? Number(raw) : raw;
    return Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? (value as number)
      : undefined;
  };
}

export function path(raw: unknown): string | undefined {
  return typeof raw === 'string' && raw !== '' ? raw : undefined;
}

export function byteSize(min: number, max: number): (raw: unknown) => number | undefined {
  const units: Record<string, number> = { '': 1, b: 1, kib: 1024, mib: MiB };
  return (raw) => {
    if (typeof raw !== 'string' && typeof raw !== 'number') return undefined;
    const match = /^(\d+)\s*([a-z]*)$/i.exec(String(raw));
    const unit = units[match?.[2]?.toLowerCase() ?? ''];
    if (match === null || unit === undefined) return undefined;
    return wholeNumber(min, max)(Number(match[1]) * unit);
  };
}

/** Of JSON a list, elsewhere a text with commas. */
export function listOfTexts(isAllowed: (text: string) => boolean): (raw: unknown) => readonly string[] | undefined {
  return (raw) => {
    const texts = typeof raw === 'string' ? raw.split(',').map((text) => text.trim()) : raw;
    return Array.isArray(texts) && texts.every((text) => typeof text === 'string' && isAllowed(text))
      ? texts
      : undefined;
  };
}
