import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  creditOf,
  encodeCredit,
  encodeFrame,
  type Frame,
  FrameDecoder,
  type FrameKind,
  PAYLOAD_LIMIT_BYTES,
} from '../../src/rpc/frames.ts';
import { tries } from '../properties/tries.ts';

const KINDS = ['request', 'response', 'item', 'end', 'error', 'cancel', 'credit'] as const;

const frames = fc.array(
  fc.record({
    kind: fc.constantFrom<FrameKind>(...KINDS),
    id: fc.integer({ min: 0, max: 0xffff_ffff }),
    path: fc.constantFrom('', '/a.v1.A/B', `/${'p'.repeat(255)}`),
    payload: fc.uint8Array({ maxLength: 300 }),
  }),
  { maxLength: 20 },
);

function decodeAll(chunks: readonly Buffer[]): readonly Frame[] {
  const decoder = new FrameDecoder();
  // Copied, because a payload is a view.
  return chunks.flatMap((chunk) =>
    [...decoder.push(chunk)].map((frame) => ({ ...frame, payload: Buffer.from(frame.payload) })),
  );
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b);
  const bounds = [0, ...sorted, bytes.length];
  return bounds.slice(1).map((to, index) => bytes.subarray(bounds[index], to));
}

test('any split of the stream decodes to the frames that were encoded', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(), { maxLength: 40 }), (sent, places) => {
      const bytes = Buffer.concat(
        sent.map(({ kind, id, payload, path }) => encodeFrame(kind, id, payload, path)),
      );
      const expected = sent.map(({ kind, id, path, payload }) => ({
        kind,
        id,
        path: kind === 'request' ? path : '',
        payload: Buffer.from(payload),
      }));
      expect(decodeAll(cut(bytes, places))).toEqual(expected);
    }),
    tries(100),
  );
});

test('a frame that comes byte by byte is whole with its last byte', () => {
  const bytes = encodeFrame('request', 7, Buffer.from('message'), '/a.v1.A/B');
  const decoder = new FrameDecoder();
  for (let at = 0; at < bytes.length - 1; at += 1) {
    expect([...decoder.push(bytes.subarray(at, at + 1))]).toEqual([]);
  }
  expect([...decoder.push(bytes.subarray(bytes.length - 1))]).toHaveLength(1);
});

test('a message of 4 MiB passes, a longer one is not sent', () => {
  const largest = Buffer.alloc(PAYLOAD_LIMIT_BYTES);
  const [frame] = decodeAll(cut(encodeFrame('item', 1, largest), [65_536, 1_000_000]));
  expect(frame?.payload.length).toBe(PAYLOAD_LIMIT_BYTES);
  expect(() => encodeFrame('item', 1, Buffer.alloc(PAYLOAD_LIMIT_BYTES + 1))).toThrow(
    'at most 4194304 are sent',
  );
});

test.each([
  ['too long', Buffer.from('7fffffff', 'hex'), 'its length is 2147483647'],
  ['too short', Buffer.from('00000004', 'hex'), 'its length is 4'],
  ['of another protocol', Buffer.from('PRI * HTTP/2.0'), 'its length is 1347569952'],
  ['of an unknown kind', Buffer.from('000000050700000001', 'hex'), 'its kind is 7'],
  ['without its path', Buffer.from('000000050000000001', 'hex'), 'its path is cut off'],
  ['with half a path', Buffer.from('0000000800000000010002ff', 'hex'), 'its path is cut off'],
])('a frame %s is refused', (_why, bytes, message) => {
  expect(() => [...new FrameDecoder().push(bytes)]).toThrow(message);
});

test('no bytes make the decoder throw anything but its own error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeAll([Buffer.from(bytes)]);
      } catch (error) {
        expect(String(error)).toContain('not a frame of this protocol');
      }
    }),
    tries(100),
  );
});

test('a credit says how many bytes', () => {
  const [frame] = decodeAll([encodeCredit(3, 70_000)]);
  expect(frame).toMatchObject({ kind: 'credit', id: 3 });
  expect(frame && creditOf(frame)).toBe(70_000);
  const [bad] = decodeAll([encodeFrame('credit', 3)]);
  expect(() => bad && creditOf(bad)).toThrow('a credit of 0 bytes');
});
