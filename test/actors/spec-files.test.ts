import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SpecFiles } from '../../src/actors/spec-files.ts';
import type { AllocSpec } from '../../src/spec/alloc-spec.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'hf-specs-'))));
afterEach(() => rmSync(dir, { recursive: true }));

const spec: AllocSpec = {
  version: 1,
  name: 'web',
  type: 'batch',
  meta: {},
  labels: {},
  tasks: [],
};
const saved = (allocId: string) => ({ allocId, spec, specHash: 'hash' });

describe('the files of specs', () => {
  it('go for good when their alloc ends before they are on disk', async () => {
    const specs = new SpecFiles(dir);
    const saving = specs.save(saved('quick'));
    await Promise.all([specs.forget('quick'), saving]);
    expect(readdirSync(dir)).toEqual([]);
    await specs.save(saved('quick'));
    expect(readdirSync(dir)).toEqual(['quick.json']);
  });

  it('of allocs that have ended go at the next opening, with what was half written', async () => {
    const specs = new SpecFiles(dir);
    for (const allocId of ['ended', 'live']) await specs.save(saved(allocId));
    writeFileSync(join(dir, 'torn.json.new'), '{"allocId":');
    const found = await specs.leftBehind((allocId) => (allocId === 'ended' ? 'ended' : 'unknown'));
    expect(readdirSync(dir)).toEqual(['live.json']);
    expect(found).toEqual([saved('live')]);
  });
});
