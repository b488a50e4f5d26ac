/** The one table of errors: clients decide by it whether to change a request, send it again, or give up. */

import { STATUS_CODES } from 'node:http';
import { describe, expect, test } from 'vitest';
import { errorStatus } from '../../src/http/error-status.ts';
import { type ErrorCode, errorTable, KvError } from '../../src/kv/errors.ts';

const rows = Object.entries(errorTable).map(([code, row]) => ({
  code: code as ErrorCode,
  ...row,
  ...errorStatus[code as ErrorCode],
}));

/** Statuses that say by themselves that the same request may succeed later. */
const passingStatuses = [408, 429, 503, 507];

describe.each(rows)('the error $code', ({ code, status, title, retryable }) => {
  test('has an HTTP status that is registered for errors', () => {
    expect(STATUS_CODES[status]).toBeDefined();
    expect(status).toBeGreaterThanOrEqual(400);
  });

  test('is retryable exactly when its status says so', () => {
    expect(retryable).toBe(passingStatuses.includes(status));
  });

  test('has a title that fits a status line, and no other error has it', () => {
    expect(title).toMatch(/^[A-Z][\x20-\x7e]*[^.]$/);
    expect(rows.filter((row) => row.title === title).length).toBe(1);
  });

  test('has a code in kebab case', () => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  test('tells its code to whoever catches it, with detail and cause', () => {
    const cause = new Error('why');
    const error = new KvError(code, 'what to do', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'KvError', code, message: 'what to do', cause });
  });
});
