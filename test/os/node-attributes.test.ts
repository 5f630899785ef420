import { arch, cpus, hostname } from 'node:os';
import { expect, it } from 'vitest';
import { coreMhz, nodeAttributes } from '../../src/os/node-attributes.ts';

it('tells of this machine under Nomad’s names, without what it does not know', () => {
  const attributes = nodeAttributes();
  expect(attributes).toMatchObject({
    'kernel.name': 'linux',
    'cpu.numcores': String(cpus().length),
    'unique.hostname': hostname(),
    ...(arch() === 'x64' && { 'cpu.arch': 'amd64' }),
  });
  expect(Object.values(attributes).every((value) => value !== '')).toBe(true);
  expect(String(coreMhz())).toBe(String(attributes['cpu.frequency']));
  expect(nodeAttributes()).toBe(attributes);
});
