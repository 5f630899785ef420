/** What an engine says of a command in a container, in our words. */
import { describe, expect, it } from 'vitest';
import { framedOutput } from '../../src/processes/docker-logger/exec/exec-frames.ts';
import { endOf } from '../../src/processes/docker-logger/exec/exec-end.ts';
import { unbegun } from '../../src/processes/docker-logger/exec/engine-words.ts';

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(text.length, 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

describe('output in frames', () => {
  const whole = Buffer.concat([frame(1, 'one'), frame(2, 'two'), frame(1, ''), frame(1, 'three')]);

  it('is told apart wherever the connection cuts it', () => {
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const said = ['', ''];
      const take = framedOutput((isStderr, bytes) => {
        said[Number(isStderr)] += bytes.toString();
        return true;
      });
      for (const piece of [whole.subarray(0, cut), whole.subarray(cut)]) take(piece);
      expect(said).toEqual(['onethree', 'two']);
    }
  });

  it('says that there is no more room as its reader says it last', () => {
    const take = framedOutput((_isStderr, bytes) => bytes.toString() !== 'three');
    expect(take(whole.subarray(0, 20))).toBe(true);
    expect(take(whole.subarray(20))).toBe(false);
  });
});

describe('an exit code', () => {
  it.each([
    [0, [], { exitCode: 0, signal: null }],
    [137, [], { exitCode: 137, signal: null }],
    [143, ['SIGTERM'], { exitCode: null, signal: 'SIGTERM' }],
    [143, ['SIGKILL'], { exitCode: 143, signal: null }],
    [1, ['SIGHUP'], { exitCode: 1, signal: null }],
  ])('%i after %j', (code, sent, end) => {
    expect(endOf(code, new Set(sent))).toEqual(end);
  });
});

describe('a command that did not begin', () => {
  const start = 'OCI runtime exec failed: exec failed: unable to start container process: ';
  it.each([
    [`${start}exec: "x": executable file not found in $PATH: unknown\r\n`, 'COMMAND_NOT_FOUND'],
    [`${start}exec: "/x": stat /x: no such file or directory: unknown`, 'COMMAND_NOT_FOUND'],
    [`${start}exec: "/etc": permission denied: unknown`, 'COMMAND_NOT_EXECUTABLE'],
    ['unable to find user x: no matching entries in passwd file\r\n', 'NOT_FOUND'],
    ['', 'COMMAND_NOT_EXECUTABLE'],
  ])('%j', (text, code) => {
    expect(unbegun(text)).toMatchObject({ code });
  });
});
