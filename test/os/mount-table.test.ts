import { describe, expect, it } from 'vitest';
import { mountOf, parseMountTable } from '../../src/os/mount-table.ts';
import { CAPABILITY_BITS, capabilitySets } from '../../src/os/own-capabilities.ts';

describe('the table of mounts', () => {
  const table = parseMountTable(
    [
      '21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
      '22 21 0:5 / /proc rw - proc proc rw',
      '30 21 0:30 / /tmp rw master:4 - tmpfs tmpfs rw',
      '31 30 0:31 / /tmp rw shared:9 master:4 - tmpfs over rw',
      '40 21 0:40 / /a\\040b rw - tmpfs odd rw',
      '',
    ].join('\n'),
  );

  it('says of each what passes to and from it', () => {
    expect(table.map(({ point, isShared, isSlave }) => [point, isShared, isSlave])).toEqual([
      ['/', true, false],
      ['/proc', false, false],
      ['/tmp', false, true],
      ['/tmp', true, true],
      ['/a b', false, false],
    ]);
  });

  it('finds the mount of a path: the deepest, and of two on one point the one on top', () => {
    expect(mountOf('/', table)?.id).toBe(21);
    expect(mountOf('/usr', table)?.id).toBe(21);
    expect(mountOf('/proc/self/ns', table)?.id).toBe(22);
    expect(mountOf('/tmp', table)?.id).toBe(31);
    expect(() => mountOf('/nowhere-at-all', table)).toThrow('ENOENT');
  });
});

describe('sets of capabilities', () => {
  it('are read as names in the order of their bits', () => {
    expect(CAPABILITY_BITS).toHaveLength(41);
    const sets = capabilitySets(
      'CapInh:\t0000000000000000\nCapBnd:\t000001fffeffffff\nCapAmb:\t0000000000000021\n',
    );
    expect(sets.get('CapInh')).toEqual([]);
    expect(sets.get('CapAmb')).toEqual(['CAP_CHOWN', 'CAP_KILL']);
    expect(CAPABILITY_BITS.filter((name) => sets.get('CapBnd')?.includes(name) !== true)).toEqual([
      'CAP_SYS_RESOURCE',
    ]);
  });
});
