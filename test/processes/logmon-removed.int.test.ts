import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type GapRecord, parseGaps } from '../../src/output/gaps.ts';
import { type OutputChunk, readOutput, type ReadOutputOptions } from '../../src/output/reader.ts';
import { until } from '../fixtures/logmon/laboratory.ts';
import { openStream, type StreamRig } from './stream-rig.ts';

const at = (rig: StreamRig, number: number | string): string =>
  join(rig.dir, `web.stdout.${number}`);
const gapsOf = (rig: StreamRig): GapRecord[] => parseGaps(readFileSync(at(rig, 'gaps'), 'utf8'));

function reading({ dir }: StreamRig, more: Partial<ReadOutputOptions> = {}) {
  return readOutput({ dir, stem: 'web', stream: 'stdout', follow: false, ...more });
}

/** What is read, with what is missing in brackets. */
async function told(chunks: AsyncIterable<OutputChunk>): Promise<string> {
  let text = '';
  for await (const { data, gap } of chunks) {
    text += gap === undefined ? String(Buffer.from(data)) : `[${gap.reason} ${gap.bytes}]`;
  }
  return text;
}

/** Writes until another file was begun: the one that grows is looked at once a second. */
async function untilBegun(rig: StreamRig, number: number): Promise<void> {
  await until(`file ${number} is begun`, () => {
    rig.say('more\n');
    return existsSync(at(rig, number));
  });
}

describe('the file of output that grows', () => {
  it('is followed by the next one when somebody removes it, and what was in it is recorded', async () => {
    await using rig = await openStream();
    rig.say('first\n');
    rmSync(at(rig, 0));
    await untilBegun(rig, 1);
    const [gap, ...others] = gapsOf(rig);
    expect(others).toEqual([]);
    expect(gap).toMatchObject({ reason: 'removed', segment: 0, offset: 0 });
    expect(gap?.bytes).toBeGreaterThanOrEqual('first\n'.length);
    expect(await told(reading(rig, { from: 'stdout:0:2' }))).toBe(
      `[removed ${(gap?.bytes ?? 0) - 2}]${readFileSync(at(rig, 1), 'utf8')}`,
    );
  });

  it.each(['a link', 'another file'])('is left when %s takes its name', async (kind) => {
    await using rig = await openStream();
    rig.say('first line\n');
    const outside = join(rig.root, 'outside');
    renameSync(at(rig, 0), join(rig.root, 'away'));
    writeFileSync(kind === 'a link' ? outside : at(rig, 0), 'first');
    if (kind === 'a link') symlinkSync(outside, at(rig, 0));
    await untilBegun(rig, 1);
    const offset = kind === 'a link' ? 0 : 5;
    const missing = statSync(join(rig.root, 'away')).size - offset;
    expect(gapsOf(rig)).toMatchObject([{ reason: 'removed', segment: 0, offset, bytes: missing }]);
    const kept = kind === 'a link' ? '' : 'first';
    expect(await told(reading(rig))).toContain(`${kept}[removed ${missing}]more`);
    expect(readFileSync(kind === 'a link' ? outside : at(rig, 0), 'utf8')).toBe('first');
  });

  it('is left when it was cut short, and no zeros are read in place of what is gone', async () => {
    await using rig = await openStream();
    rig.say('x'.repeat(200_000));
    // Looked at as it is, then cut right before the next byte.
    rig.shop.budget.lookAtOwn();
    truncateSync(at(rig, 0));
    rig.say('behind\n');
    await untilBegun(rig, 1);
    expect(gapsOf(rig)).toMatchObject([{ reason: 'removed', segment: 0, bytes: 200_000 }]);
    const text = await told(reading(rig));
    expect(text.startsWith('[removed 200000]behind\n')).toBe(true);
    expect(text).not.toContain('\0');
  });

  it('is looked at while nothing is written: the next byte is not lost with it', async () => {
    await using rig = await openStream();
    rig.say('first\n');
    rmSync(at(rig, 0));
    rig.shop.budget.lookAtOwn();
    rig.say('second\n');
    expect(gapsOf(rig)).toMatchObject([{ reason: 'removed', segment: 0, bytes: 6 }]);
    expect(readFileSync(at(rig, 1), 'utf8')).toBe('second\n');
  });

  it('is made again with its directory, which is as it was', async () => {
    await using rig = await openStream();
    rig.say('first\n');
    const { mode } = statSync(rig.dir);
    rmSync(rig.root, { recursive: true });
    await untilBegun(rig, 1);
    expect(statSync(rig.dir).mode).toBe(mode);
    expect(gapsOf(rig)).toMatchObject([{ reason: 'removed', segment: 0 }]);
    expect(rig.writer.blocked).toBeUndefined();
  });
});

describe('the number of a file of output', () => {
  it.each(['', 'gaps'])(
    'is not given again when the newest is gone, nor without .%s',
    async (gone) => {
      await using rig = await openStream();
      rig.say('first\n');
      const following = reading(rig, { follow: true, from: 'stdout:0:0' });
      const first = await following.next();
      expect(String(Buffer.from(first.value?.data ?? []))).toBe('first\n');
      rmSync(at(rig, 0));
      if (gone !== '') rmSync(at(rig, gone), { force: true });
      await rig.reopen();
      rig.say('second\n');
      expect(readdirSync(rig.dir)).toContain('web.stdout.1');
      expect(readdirSync(rig.dir)).not.toContain('web.stdout.0');
      let text = '';
      for await (const { data } of following) {
        text += String(Buffer.from(data));
        if (text !== '') break;
      }
      expect(text).toBe('second\n');
      expect(await told(reading(rig, { from: 'stdout:0:3' }))).toBe('[removed null]second\n');
    },
  );

  it('is known by the marks alone', async () => {
    await using rig = await openStream({ maxFileBytes: 10 });
    for (let line = 0; line < 3; line += 1) rig.say('123456789\n');
    for (const name of ['web.stdout', 'web.stdout.2']) rmSync(join(rig.dir, name));
    await rig.reopen();
    await rig.reopen();
    rig.say('fourth\n');
    expect(readdirSync(rig.dir)).toContain('web.stdout.3');
    expect(await told(reading(rig, { from: 'stdout:1:10' }))).toBe('[removed null]fourth\n');
  });

  it('is not known by marks that somebody else put there', async () => {
    await using rig = await openStream();
    symlinkSync(rig.root, at(rig, '7.marks'));
    await rig.reopen();
    rig.say('first\n');
    expect(readdirSync(rig.dir)).toContain('web.stdout.0');
    expect(existsSync(at(rig, 'gaps'))).toBe(false);
  });

  it('goes on behind what another host removed for the budget', async () => {
    await using rig = await openStream();
    rig.say('first\n');
    const gap = { reason: 'budget', segment: 4, offset: 0, bytes: 6, from: 1, until: 1, run: 1 };
    writeFileSync(at(rig, 'gaps'), `${JSON.stringify(gap)}\n`);
    await rig.reopen();
    rig.say('second\n');
    expect(readdirSync(rig.dir)).toContain('web.stdout.5');
  });
});

it('calls a hole rotated only where nothing older is left', async () => {
  await using rig = await openStream({ maxFileBytes: 10 });
  for (let line = 0; line < 4; line += 1) rig.say(`12345678${line}\n`);
  rmSync(at(rig, 1));
  expect(await told(reading(rig))).toBe('123456780\n[removed null]123456782\n123456783\n');
  rmSync(at(rig, 0));
  expect(await told(reading(rig, { from: 'stdout:0:0' }))).toContain('[rotated null]123456782');
});
