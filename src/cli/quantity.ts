/** Writes quantities for people. Pure. */

/** 1234567 → `1,234,567` */
export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 key`, `1,200 keys`, `0 entries`. @param many the plural, where it is not formed with an s */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** 1234 → `1,234`, 1234567 → `1.23M`: six characters at most, up to 999 trillion. */
export function shortCountText(count: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  let power = 0;
  let amount = Math.round(count);
  if (amount < 10_000) return countText(amount);
  // 999.6k would be rounded to 1000k, so it is shown as 1.00M.
  while (Number(amount.toPrecision(3)) >= 1_000 && power < units.length - 1) {
    amount /= 1_000;
    power++;
  }
  return `${amount.toPrecision(3)}${units[power]}`;
}

/** 1536 → `1.5 KiB` */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let power = 0;
  let amount = bytes;
  // 1023.6 KiB would be rounded to 1024 KiB, so it is shown as 1.0 MiB.
  while (Math.round(amount) >= 1024 && power < units.length - 1) {
    amount /= 1024;
    power++;
  }
  return `${power === 0 || amount >= 100 ? amount.toFixed(0) : amount.toFixed(1)} ${units[power]}`;
}

/** 93784000 → `1d 2h`: the largest unit and the next */
export function durationText(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1_000);
  if (seconds < 10) return `${(Math.max(0, durationMs) / 1_000).toFixed(1)}s`;
  if (seconds < 60) return `${seconds}s`;
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3_600), Math.floor(seconds / 86_400)];
  if (minutes < 60) return `${minutes}m ${seconds % 60}s`;
  if (hours < 24) return `${hours}h ${minutes % 60}m`;
  return `${days}d ${hours % 24}h`;
}

/** 3.84 → `3.8 ms`, 138.2 → `138 ms` */
export function latencyText(latencyMs: number): string {
  if (latencyMs >= 9.95) return `${countText(Math.round(latencyMs))} ms`;
  return `${latencyMs > 0 && latencyMs < 0.1 ? latencyMs.toFixed(2) : latencyMs.toPrecision(2)} ms`;
}
