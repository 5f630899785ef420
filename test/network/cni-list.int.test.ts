import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  addTo,
  checkOn,
  placesOf,
  removeFrom,
  type Attachment,
  type CniList,
} from '../../src/network/cni-list.ts';
import { bridgeList, findList, mapsPorts, programsOf } from '../../src/network/cni-lists.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-cni-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A plugin that writes down how it was called, and then does as the script says. */
function plugin(name: string, script = "echo '{}'"): void {
  const text = `#!/bin/sh
printf '%s %s\\n' "\${0##*/}" "$(env | grep ^CNI_ | sort | tr '\\n' ' ')" >> ${dir}/calls
cat >> ${dir}/calls
echo >> ${dir}/calls
${script}
`;
  writeFileSync(join(dir, name), text);
  chmodSync(join(dir, name), 0o755);
}

interface Call {
  readonly words: string;
  readonly config: Readonly<Record<string, unknown>>;
}

function calls(): readonly Call[] {
  const lines = readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n');
  return Array.from({ length: lines.length / 2 }, (_one, index) => ({
    words: lines[2 * index]?.trim() ?? '',
    config: JSON.parse(lines[2 * index + 1] ?? '') as Call['config'],
  }));
}

const at = (more: Partial<Attachment> = {}): Attachment => ({
  containerId: 'a1',
  namespace: '/run/netns/x',
  interface: 'eth0',
  args: 'A=1',
  capabilities: { portMappings: [{ hostPort: 1 }], dns: {} },
  cniPath: [join(dir, 'nowhere'), dir],
  ...more,
});
const LIST: CniList = {
  name: 'net',
  cniVersion: '0.4.0',
  plugins: [
    { type: 'one', own: 1 },
    { type: 'two', capabilities: { portMappings: true } },
  ],
};
const RESULT = '{"ips":[{"address":"10.0.0.2/24"}]}';

describe('a list of plugins', () => {
  it('is called in order, each with the result of the one before and what it understands', async () => {
    plugin('one', `echo '${RESULT}'`);
    plugin('two', 'true');
    const seen: unknown[] = [];
    const result = await addTo(LIST, at(), (partial) => seen.push(partial));
    expect(result).toEqual(JSON.parse(RESULT));
    expect(seen).toEqual([result, result]);
    const [one, two] = calls();
    expect(one?.words).toBe(
      `one CNI_ARGS=A=1 CNI_COMMAND=ADD CNI_CONTAINERID=a1 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/x CNI_PATH=${join(dir, 'nowhere')}:${dir}`,
    );
    expect(one?.config).toEqual({ type: 'one', own: 1, name: 'net', cniVersion: '0.4.0' });
    expect(two?.config).toMatchObject({
      prevResult: result,
      runtimeConfig: { portMappings: [{ hostPort: 1 }] },
    });
  });

  it('is taken away backwards, to the end, and says the first thing that went wrong', async () => {
    plugin('one', `echo '{"code":7,"msg":"no","details":"not now"}'; exit 1`);
    plugin('two', 'echo broken >&2; exit 3');
    await expect(removeFrom(LIST, at({ namespace: '' }), { kept: 1 })).rejects.toMatchObject({
      code: 'START_RETRYABLE',
      message: 'CNI plugin two, DEL: broken',
    });
    expect(calls().map(({ words }) => words.slice(0, 3))).toEqual(['two', 'one']);
    expect(calls()[0]?.config['prevResult']).toEqual({ kept: 1 });
    rmSync(join(dir, 'two'));
    plugin('two');
    await expect(removeFrom(LIST, at(), undefined)).rejects.toThrow(
      'CNI plugin one, DEL: no: not now',
    );
  });

  it('is asked whether it is whole, unless it cannot be', async () => {
    plugin('one', 'exit 1');
    plugin('two');
    await expect(checkOn(LIST, at(), {})).rejects.toThrow('CNI plugin one, CHECK');
    const ipv4 = { ips: [{ address: '10.0.0.2/24' }] };
    await checkOn({ ...LIST, plugins: [{ type: 'portmap' }] }, at(), ipv4);
    await checkOn({ ...LIST, cniVersion: '0.3.1' }, at(), {});
    await checkOn({ ...LIST, disableCheck: true }, at(), {});
    expect(calls()).toHaveLength(1);
  });

  it('names a plugin that is nowhere, and takes no path for one', async () => {
    await expect(addTo(LIST, at(), () => undefined)).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      message: expect.stringContaining('CNI plugin one is not in'),
    });
    const sly = { ...LIST, plugins: [{ type: '../one' }] };
    plugin('one');
    await expect(addTo(sly, at(), () => undefined)).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
    });
  });
});

describe('what a result says', () => {
  it('is the address inside, IPv4 first', () => {
    const result = {
      interfaces: [{ name: 'br0' }, { name: 'eth7', sandbox: '/run/netns/x' }],
      ips: [
        { address: '10.0.0.1/24', interface: 0 },
        { address: 'fd00::2/64', interface: 1 },
        { address: '10.0.0.2/24', gateway: '10.0.0.1', interface: 1 },
      ],
      dns: { nameservers: ['10.0.0.53'] },
    };
    expect(placesOf(result, 'eth0')).toEqual({
      interface: 'eth7',
      ip: '10.0.0.2',
      gateway: '10.0.0.1',
      nameservers: ['10.0.0.53'],
    });
  });

  it('may be nothing', () => {
    const nothing = { interface: 'eth0', ip: '', nameservers: [] };
    expect(placesOf(undefined, 'eth0')).toEqual(nothing);
    expect(placesOf({}, 'eth0')).toEqual(nothing);
  });
});

describe('where lists come from', () => {
  const write = (name: string, text: string): void => writeFileSync(join(dir, name), text);

  it('is the first directory that has one of that name, a file of one plugin too', () => {
    write(
      '10-a.conflist',
      JSON.stringify({ name: 'a', cniVersion: '1.0.0', plugins: [{ type: 'p' }] }),
    );
    write('20-b.conf', JSON.stringify({ name: 'b', type: 'q', ipam: { type: 'r' } }));
    write('30-c.txt', 'not one');
    const a = findList('a', [join(dir, 'nowhere'), dir]);
    expect(a).toEqual({ name: 'a', cniVersion: '1.0.0', plugins: [{ type: 'p' }] });
    const b = findList('b', [dir]);
    expect(b).toMatchObject({ cniVersion: '0.2.0' });
    expect(programsOf(b)).toEqual(['q', 'r']);
    expect(mapsPorts(b)).toBe(false);
  });

  it('is told with the names that there are, and the files that are none', () => {
    write('a.conflist', JSON.stringify({ name: 'a', plugins: [{ type: 'p' }] }));
    write('b.conflist', '{');
    write('c.conflist', JSON.stringify({ name: 'c', plugins: [{}] }));
    expect(() => findList('web', [dir])).toThrow(
      /no CNI network web .*known: a; .*b.conflist is no JSON.*c.conflist has a plugin/,
    );
  });

  it('is ourselves for a bridge', () => {
    const list = bridgeList({ name: 'br9', subnet: '10.9.0.0/24' });
    expect(list.name).toBe('holdfast-br9');
    expect(JSON.stringify(list.plugins)).toContain('"subnet":"10.9.0.0/24"');
    expect(programsOf(list)).toEqual(['bridge', 'host-local', 'firewall', 'portmap']);
    expect(mapsPorts(list)).toBe(true);
  });
});
