import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type {
  Command as Served,
  CommandStreams,
  Hearing,
  Sink,
} from '../../src/processes/sessions/commands.ts';
import { BUFFER_LIMIT_BYTES, OutputBuffer } from '../../src/processes/sessions/output-buffer.ts';
import { FORSAKEN_AFTER_MS, Session } from '../../src/processes/sessions/session.ts';

/** A command that a test speaks for. */
class Command implements CommandStreams {
  sink: Sink = () => true;
  written = '';
  isEnded = false;
  resumed = 0;
  resume(): void {
    this.resumed += 1;
  }
  async write(bytes: Buffer): Promise<void> {
    this.written += bytes.toString();
  }
  end(): void {
    this.isEnded = true;
  }
  resize(): void {}
  drain(): void {}
}

let command: Command;
let session: Session;
let ended: Hearing['ended'];
let calls: string[];
let isOutOfMemory: boolean;
const never = new AbortController().signal;

beforeEach(() => {
  vi.useFakeTimers();
  calls = [];
  isOutOfMemory = false;
  command = new Command();
  session = new Session({
    id: 's1',
    launchKey: 'key',
    slot: '',
    begin(hearing): Served {
      command.sink = hearing.sink;
      ended = (end, why) => hearing.ended(end, why);
      return {
        streams: command,
        begun: Promise.resolve(),
        isOutOfMemory: () => isOutOfMemory,
        signal: () => true,
      };
    },
    onUnread: () => calls.push('unread'),
    onForsaken: () => calls.push('forsaken'),
    onRefused: () => calls.push('refused'),
  });
});
afterEach(() => {
  session.discard();
  vi.useRealTimers();
});

const say = (text: string): boolean => command.sink(false, Buffer.from(text));

describe('a session that nobody reads', () => {
  it('is forsaken after its time, and not while it is read', async () => {
    const left = new AbortController();
    const reading = session.read(undefined, left.signal);
    await reading.next();
    await vi.advanceTimersByTimeAsync(FORSAKEN_AFTER_MS * 2);
    expect(calls).toEqual([]);
    left.abort();
    for await (const _part of reading);
    expect(calls).toEqual(['unread']);
    await vi.advanceTimersByTimeAsync(FORSAKEN_AFTER_MS);
    expect(calls).toEqual(['unread', 'forsaken']);
  });

  it('keeps its end for a reader as long again', async () => {
    await vi.advanceTimersByTimeAsync(FORSAKEN_AFTER_MS - 1);
    ended({ exitCode: 0, signal: null });
    await vi.advanceTimersByTimeAsync(FORSAKEN_AFTER_MS - 1);
    expect(calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toEqual(['forsaken']);
  });
});

describe('a reader', () => {
  it('hears something every ten seconds', async () => {
    const reading = session.read(undefined, never);
    await reading.next();
    const next = reading.next();
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await next).value).toEqual({ part: { $case: 'heartbeat', value: {} } });
  });

  it('makes room for the command by what it takes', () => {
    const piece = 'x'.repeat(BUFFER_LIMIT_BYTES / 4);
    expect([say(piece), say(piece), say(piece), say(piece)]).toEqual([true, true, true, false]);
    session.take(piece.length);
    expect(command.resumed).toBe(0);
    session.take(piece.length * 2);
    expect(command.resumed).toBe(1);
  });

  it('has what stands before the place it begins at, so that a full command goes on', async () => {
    expect(say('x'.repeat(BUFFER_LIMIT_BYTES))).toBe(false);
    const reading = session.read(BUFFER_LIMIT_BYTES, never);
    expect((await reading.next()).value).toMatchObject({
      part: { value: { outputOffset: BUFFER_LIMIT_BYTES } },
    });
    expect(command.resumed).toBe(1);
    await expect(session.read(0, never).next()).rejects.toMatchObject({
      code: 'POSITION_COMPACTED',
    });
  });

  it('keeps its place when somebody comes who has left already', async () => {
    const reader = session.read(0, never);
    await reader.next();
    expect(await session.read(0, AbortSignal.abort()).next()).toMatchObject({ done: true });
    command.sink(false, Buffer.from('hello'));
    expect(await reader.next()).toMatchObject({ value: { part: { $case: 'output' } } });
  });

  it('is replaced by a later one, which goes on where it wants', async () => {
    say('hello');
    const first = session.read(undefined, never);
    await first.next();
    const second = session.read(2, never);
    await second.next();
    await expect(
      (async () => {
        for await (const _part of first);
      })(),
    ).rejects.toMatchObject({ code: 'ABORTED' });
    const { value } = await second.next();
    expect(value).toMatchObject({ part: { value: { data: Buffer.from('llo'), offset: 5 } } });
    expect(calls).toEqual([]);
  });
});

describe('the end of a session', () => {
  const SIGKILL = { exitCode: null, signal: 'SIGKILL' };
  it.each([
    [true, SIGKILL, 'out of memory'],
    [true, { exitCode: 137, signal: null }, 'out of memory'],
    [true, { exitCode: 1, signal: null }, 'exited'],
    [true, { exitCode: null, signal: 'SIGTERM' }, 'ended by SIGTERM'],
    [false, SIGKILL, 'ended by SIGKILL'],
  ])('where the kernel ended something for its memory (%s), %j is %s', (is, end, reason) => {
    isOutOfMemory = is;
    ended(end);
    expect(session.end?.reason).toBe(reason);
  });

  it('is that of whoever wanted it, whatever the kernel did', () => {
    isOutOfMemory = true;
    session.closing = 'closed';
    ended(SIGKILL);
    expect(session.end?.reason).toBe('closed');
  });
});

describe('input', () => {
  it('is taken once, in order, and not after a gap', async () => {
    expect(await session.write(0, Buffer.from('abc'), false)).toBe(3);
    expect(await session.write(1, Buffer.from('bcd'), false)).toBe(4);
    await expect(session.write(9, Buffer.from('x'), false)).rejects.toMatchObject({
      code: 'USAGE',
    });
    await session.write(4, Buffer.from(''), true);
    await session.write(4, Buffer.from('late'), false);
    expect([command.written, command.isEnded]).toEqual(['abcd', true]);
  });
});

describe('an output buffer', () => {
  it('keeps what was not taken, cut into messages, streams in the order of arrival', () => {
    const buffer = new OutputBuffer();
    buffer.add(false, Buffer.alloc(100_000, 'a'));
    buffer.add(true, Buffer.from('err'));
    const sizes: number[] = [];
    for (let at = 0, one = buffer.after(at); one !== undefined; one = buffer.after(at)) {
      sizes.push(one.bytes.length);
      at = one.offset;
    }
    expect(sizes).toEqual([65_536, 34_464, 3]);
    buffer.take(65_540);
    expect(buffer.after(buffer.taken)?.bytes.length).toBe(100_000 - 65_540);
    buffer.take(1);
    expect(buffer.taken).toBe(65_540);
  });
});
