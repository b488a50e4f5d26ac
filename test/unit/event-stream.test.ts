import { expect, test } from 'vitest';
import { EventStream } from '../../src/client/event-stream.ts';

test('events are the same in whichever pieces they arrive', () => {
  const text = 'retry: 1000\nid: 1\n\nid: 2\nevent: put\ndata: {"key":"ä"}\n\n: heartbeat\nid: 3\n\nid: 4';
  const bytes = new TextEncoder().encode(text);
  const whole = new EventStream().take(bytes);
  expect(whole.map(({ id }) => id)).toEqual(['1', '2', '3']);
  expect(whole[1]).toEqual({ id: '2', type: 'put', data: '{"key":"ä"}' });
  for (const size of [1, 2, 3, 7, 40]) {
    const events = new EventStream();
    const taken = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
      events.take(bytes.subarray(n * size, (n + 1) * size)),
    );
    expect(taken.flat()).toEqual(whole);
  }
});
