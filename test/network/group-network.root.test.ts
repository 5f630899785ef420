/** Namespaces are real, plugins leave marks only: what is made, found again, mended and taken away. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findList } from '../../src/network/cni-lists.ts';
import { GroupNetworks } from '../../src/network/group-network.ts';
import { NetworkRecords } from '../../src/network/network-record.ts';
import { namespacesLike } from '../../src/os/network-namespace.ts';
import { namesIn } from '../../src/os/quiet-reads.ts';
import { silentLogger } from '../../src/ports.ts';
import { noNetworksBecause, sh } from '../acceptance/network-rig.ts';
import { plugins } from '../crash/networked.ts';
import { placesOf } from '../crash/plan.ts';

const obstacle = noNetworksBecause();
const PREFIX = `hf-test-${process.pid}-`;
let caseDir: string;
beforeEach(() => {
  caseDir = mkdtempSync(join(tmpdir(), 'hf-net-'));
  plugins(placesOf(caseDir));
});
afterEach(() => {
  for (const name of namespacesLike(PREFIX)) sh(`ip netns del ${name} || rm -f /run/netns/${name}`);
  rmSync(caseDir, { recursive: true, force: true });
});

/** As another agent would see it. */
function networks(): GroupNetworks {
  const records = new NetworkRecords(join(caseDir, 'networks'));
  const cniPath = [join(caseDir, 'cni')];
  return new GroupNetworks({ records, prefix: PREFIX, cniPath, logger: silentLogger });
}
const marks = (): readonly string[] => namesIn(join(caseDir, 'cni', 'marks')).toSorted();
const alone = { allocId: 'a1', capabilities: {}, args: '' };
const probed = () => ({ ...alone, list: findList('probe', [join(caseDir, 'cni')]) });
const PATH = `/run/netns/${PREFIX}a1`;

describe.skipIf(obstacle)(`the network of an alloc (${obstacle ?? 'here'})`, () => {
  it('is the same for whoever asks again, with this agent or the next', async () => {
    const made = networks();
    const found = await made.ensure(alone);
    expect(found).toEqual({ namespace: PATH });
    const { ino } = statSync(PATH);
    expect(await made.ensure(alone)).toBe(found);
    expect(await networks().ensure(alone)).toEqual(found);
    expect(statSync(PATH).ino).toBe(ino);
    expect(sh(`ip -n ${PREFIX}a1 -br link`)).toMatch(/^lo .*\bUP\b/);
    await networks().release('a1');
    expect(existsSync(PATH)).toBe(false);
    expect(networks().allocIds()).toEqual([]);
  });

  it('is connected once, and taken away by an agent that did not make it', async () => {
    const found = await networks().ensure(probed());
    expect(found.places).toEqual({ interface: 'eth0', ip: '10.9.0.2', nameservers: [] });
    expect(marks()).toEqual(['a1.first', 'a1.second']);
    expect(await networks().ensure(probed())).toEqual(found);
    await networks().release('a1');
    await networks().release('a1');
    expect([...marks(), ...networks().allocIds(), ...namespacesLike(PREFIX)]).toEqual([]);
  });

  it('is made anew in the same namespace when it is not whole any more', async () => {
    await networks().ensure(probed());
    const { ino } = statSync(PATH);
    rmSync(join(caseDir, 'cni', 'marks', 'a1.second'));
    await networks().ensure(probed());
    expect(marks()).toEqual(['a1.first', 'a1.second']);
    expect(statSync(PATH).ino).toBe(ino);
  });

  it('is made anew after the machine was started anew, with what the plugins kept taken away', async () => {
    await networks().ensure(probed());
    sh(`umount ${PATH}`);
    await networks().ensure(probed());
    expect(marks()).toEqual(['a1.first', 'a1.second']);
    expect(sh(`ip -n ${PREFIX}a1 -br link`)).toMatch(/^lo .*\bUP\b/);
  });

  it('leaves no connection behind when a plugin cannot make it, and can be tried again', async () => {
    const broken = join(caseDir, 'cni', 'second');
    const text = readFileSync(broken, 'utf8');
    writeFileSync(broken, '#!/bin/sh\n[ "$CNI_COMMAND" = DEL ] || exit 1\n');
    await expect(networks().ensure(probed())).rejects.toMatchObject({ code: 'START_RETRYABLE' });
    expect(marks()).toEqual([]);
    writeFileSync(broken, text);
    await networks().ensure(probed());
    expect(marks()).toHaveLength(2);
  });

  it('stays recorded when a plugin cannot take it away', async () => {
    await networks().ensure(probed());
    const broken = join(caseDir, 'cni', 'first');
    const text = readFileSync(broken, 'utf8');
    writeFileSync(broken, '#!/bin/sh\necho "out of order" >&2; exit 1\n');
    await expect(networks().release('a1')).rejects.toThrow('out of order');
    expect(existsSync(PATH)).toBe(false);
    expect(networks().allocIds()).toEqual(['a1']);
    writeFileSync(broken, text);
    await networks().release('a1');
    expect([...marks(), ...networks().allocIds()]).toEqual([]);
  });

  it('is taken away when nothing says what it was', async () => {
    await networks().ensure(alone);
    rmSync(join(caseDir, 'networks'), { recursive: true });
    expect(networks().allocIds()).toEqual(['a1']);
    await networks().release('a1');
    mkdirSync(join(caseDir, 'networks', 'a1'), { recursive: true });
    await networks().release('a1');
    expect([...namespacesLike(PREFIX), ...networks().allocIds()]).toEqual([]);
  });
});
