/** How the answer of an engine is taken apart, and what of it was moved before. */
import { describe, expect, it } from 'vitest';
import {
  FramedMessages,
  type LogMessage,
  PlainMessages,
} from '../../src/processes/docker-logger/log-messages.ts';
import {
  BEGINNING,
  formatPosition,
  parsePosition,
  type Position,
} from '../../src/processes/docker-logger/position.ts';
import { Resumed } from '../../src/processes/docker-logger/resumed.ts';

const at = (n: number): string => `2026-01-01T00:00:00.${String(n).padStart(9, '0')}Z `;
const ORIGIN = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

const shown = (messages: readonly LogMessage[]): readonly (readonly [number, string])[] =>
  messages.map(({ time, content }) => [Number(time - ORIGIN), content.toString()]);

describe('messages of an answer', () => {
  it('are the same however the bytes come', () => {
    const bytes = Buffer.concat([
      frame(1, `${at(1)}one\n`),
      frame(1, at(2)),
      frame(1, `${at(2)}x`),
    ]);
    const expected = [
      [1, 'one\n'],
      [2, ''],
      [2, 'x'],
    ];
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const messages = new FramedMessages();
      const found = [bytes.subarray(0, cut), bytes.subarray(cut)].flatMap((one) =>
        messages.take(one),
      );
      expect([...shown(found), ...shown(messages.rest())]).toEqual(expected);
    }
  });

  it('are refused where an answer breaks off in one, and where the engine says what went wrong', () => {
    const torn = new FramedMessages();
    expect(torn.take(frame(1, `${at(1)}one\n`).subarray(0, 20))).toEqual([]);
    expect(() => torn.rest()).toThrow('within a message');
    expect(() => new FramedMessages().take(frame(3, 'no such file'))).toThrow('no such file');
    expect(() => new FramedMessages().take(Buffer.from('<html>nothing'))).toThrow('no frames');
    expect(() => new FramedMessages().take(frame(1, 'without a time'))).toThrow('no time');
  });

  it('of a terminal end with a line, or where the engine has cut a long one', () => {
    const part = 'a'.repeat(16_384);
    const text = `${at(1)}one\r\n${at(2)}${part}${at(2)}${part}${at(2)}rest\n${at(3)}${part}${at(3)}\n${at(4)}end`;
    const expected = [
      [1, 'one\r\n'],
      [2, part],
      [2, part],
      [2, 'rest\n'],
      [3, part],
      [3, '\n'],
      [4, 'end'],
    ];
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut += 97) {
      const messages = new PlainMessages();
      const found = [bytes.subarray(0, cut), bytes.subarray(cut)].flatMap((one) =>
        messages.take(one),
      );
      expect([...shown(found), ...shown(messages.rest())]).toEqual(expected);
    }
  });

  it('have times of any zone and precision', () => {
    const plain = new PlainMessages().take(Buffer.from('2026-01-01T01:00:00.5+01:00 x\n'));
    expect(shown(plain)).toEqual([[500_000_000, 'x\n']]);
  });
});

/** A log that keeps its messages in the order of writing, as the engine does. */
function answer(log: readonly LogMessage[], from: Position): readonly string[] {
  const resumed = new Resumed(from);
  return [...log.flatMap((one) => resumed.take(one)), ...resumed.end()].map((piece) =>
    piece.kind === 'gap' ? 'gap' : piece.content.toString(),
  );
}

function positions(log: readonly LogMessage[]): readonly Position[] {
  const resumed = new Resumed(BEGINNING);
  return log.flatMap((one) => resumed.take(one)).map(({ after }) => after);
}

const textOf = (pieces: ReturnType<Resumed['take']>): string =>
  pieces.map((piece) => (piece.kind === 'gap' ? 'gap' : piece.content.toString())).join('');

const message = (n: number, text: string): LogMessage => ({
  time: ORIGIN + BigInt(n),
  content: Buffer.from(text),
});

describe('a log that is gone on with', () => {
  const orders = {
    'times that go on': [1, 2, 3, 4, 5, 6],
    'times that stand still': [1, 1, 1, 2, 2, 2],
    'a clock that is set back': [5, 6, 1, 2, 7, 8],
    'a clock that is set back twice': [5, 6, 3, 4, 1, 2],
  };

  it.each(Object.entries(orders))('brings what is missing and nothing twice: %s', (_, times) => {
    const log = times.map((time, i) => message(time, String(i)));
    for (const [i, position] of positions(log).entries()) {
      const missing = log.slice(i + 1).map(({ content }) => content.toString());
      expect({ i, brought: answer(log, position) }).toEqual({ i, brought: missing });
    }
  });

  it('brings the rest of a message that was moved in part', () => {
    const log = [message(1, 'one'), message(2, 'second')];
    const [first = BEGINNING] = positions(log);
    expect(answer(log, { ...first, offset: 3 })).toEqual(['ond']);
  });

  it('leaves out what an engine says twice when its file is full, a message or many', () => {
    const lines = [1, 2, 3, 4].map((n) => message(n, `${n}\n`));
    for (let from = 0; from < lines.length; from += 1) {
      const resumed = new Resumed(BEGINNING);
      const said = [...lines, ...lines.slice(from), message(5, '5\n')];
      expect(textOf(said.flatMap((one) => resumed.take(one)))).toBe('1\n2\n3\n4\n5\n');
    }
  });

  it('takes nothing for said twice where a clock was set back, or a long line comes in parts', () => {
    const resumed = new Resumed(BEGINNING);
    const said = [
      message(5, 'a\n'),
      message(3, 'a\n'),
      message(4, 'b\n'),
      message(6, 'p'),
      message(6, 'p'),
    ];
    expect(textOf(said.flatMap((one) => resumed.take(one)))).toBe('a\na\nb\npp');
  });

  it('tells of a gap when what was moved last is gone, once', () => {
    const log = [1, 2, 3, 4].map((time) => message(time, String(time)));
    const [, second = BEGINNING] = positions(log);
    expect(answer(log.slice(1), second)).toEqual(['3', '4']);
    expect(answer(log.slice(2), second)).toEqual(['gap', '3', '4']);
    expect(answer([], second)).toEqual(['gap']);
    const resumed = new Resumed(second);
    const [gap] = resumed.end();
    expect(answer(log.slice(3), gap?.after ?? BEGINNING)).toEqual(['4']);
  });
});

it('a position is read as it was written, and nothing else is one', () => {
  const position = { time: 1_767_225_600_000_000_001n, nth: 3, offset: 7 };
  expect(parsePosition(formatPosition(position))).toEqual(position);
  for (const text of ['', '1 2', '1 2 3 4', 'a 1 1', '1 -1 1']) {
    expect(parsePosition(text)).toBeUndefined();
  }
});
