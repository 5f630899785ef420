import { describe, expect, it } from 'vitest';
import {
  isGiven,
  matching,
  oneOf,
  parseFlags,
  text,
  UsageError,
  whole,
  wordsOf,
} from './rig-flags.ts';

const FLAGS = {
  seeds: whole(1, 7),
  most: whole(0, undefined),
  mutant: oneOf(['a', 'b']),
  point: matching((start) => 'agent.append'.startsWith(start), ['agent.append']),
  axis: wordsOf((word) => ['kill', 'stop'].includes(word), ['kill', 'stop']),
  json: text(),
  full: isGiven(),
};

describe('the flags of a rig', () => {
  it('mean what was given, or what holds otherwise', () => {
    expect(parseFlags(FLAGS, [])).toMatchObject({ seeds: 7, most: undefined, full: false });
    const words = '--seeds 3 --most 0 --mutant b --point agent --axis kill,stop --json f --full';
    expect(parseFlags(FLAGS, words.split(' '))).toEqual({
      seeds: 3,
      most: 0,
      mutant: 'b',
      point: 'agent',
      axis: ['kill', 'stop'],
      json: 'f',
      full: true,
    });
  });

  it.each([
    ['--seeds x', "--seeds is a whole number from 1 on, not 'x'"],
    ['--seeds 0', "--seeds is a whole number from 1 on, not '0'"],
    ['--seeds 1e99', "--seeds is a whole number from 1 on, not '1e99'"],
    ['--seeds= ', "--seeds is a whole number from 1 on, not ''"],
    ['--mutant c', "--mutant 'c' is none of: a, b"],
    ['--point logmon', "--point 'logmon' is none of: agent.append"],
    ['--axis kill,jump', "--axis 'jump' is none of: kill, stop"],
    ['--sedes 3', "Unknown option '--sedes'; known are --seeds X --most X"],
    ['3', "Unexpected argument '3'"],
    ['--json', "Option '--json <value>' argument missing"],
  ])('that are mistyped are refused in one line: %s', (words, line) => {
    const parse = (): unknown => parseFlags(FLAGS, words.trimEnd().split(' '));
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(line);
    expect(parse).not.toThrow('\n');
  });
});
