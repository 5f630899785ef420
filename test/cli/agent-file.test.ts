/** The configuration file of an agent: what it may say, how it is refused, and what goes before it. */
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { AGENT_KEYS } from '../../src/cli/agent-keys.ts';
import { withFile } from '../../src/cli/agent-file.ts';
import { limitsOf } from '../../src/cli/agent-limits.ts';
import { changesOf, readSettings } from '../../src/cli/agent-settings.ts';
import { addAgentCommand } from '../../src/cli/agent-syntax.ts';
import type { AgentOptions } from '../../src/cli/agent-options.ts';
import { agentSchema } from '../../src/config/agent-schema.ts';
import { HoldfastError } from '../../src/errors.ts';
import { checkOptions } from '../../src/orchestrator-options.ts';

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-config-'));
  file = join(dir, 'agent.yaml');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

const EVERYTHING = `
version: 1
dataDir: data
logLevel: debug
socketGroup: root
drivers:
  raw_exec: { enabled: true, deniedHostUids: "0-99" }
  docker: { enabled: false }
onlyDrivers: [raw_exec]
driverPlugins: { mine: drivers/mine.ts }
cgroups: 'off'
diskFloor: 128MiB
logBudget: 2GiB
keepFinished: 12
keepFinishedFor: 7d
maxDisk: 90
max_inodes: 91
node: { datacenter: dc1, coreMhz: 2000, meta: { rack: r7 }, attributes: { a.b: c } }
network:
  ports: 21000-21999
  reserved: [22, "8000-8002"]
  hostIp: 192.0.2.9
  addresses: { public: 192.0.2.1 }
  cniPath: [/opt/a, /opt/b]
  cniConfig: [/etc/a]
  bridge: hf0
  subnet: 172.26.96.0/20
denyHostEnv: [AWS_*]
sinks: [{ type: file, name: f, path: /var/log/f.jsonl }]
artifacts: { roots: [art], limit: 1.5GiB, insecure: true }
secrets: { env: [DB_*], roots: [/run/secrets], commands: [bin/vault] }
templates: { roots: [tpl], keys: keys }
http: { listen: "[::1]:4680", cert: cert.pem, key: key.pem, hosts: [node-1], isolatedDrivers: [mine] }
grpc: { listen: "0.0.0.0:4681", ca: ca.pem, cert: g.pem, key: /etc/g.key }
`;

async function read(text: string, command: AgentOptions = {}): Promise<AgentOptions> {
  writeFileSync(file, text);
  return withFile({ config: file, ...command });
}

async function refusal(text: string): Promise<string> {
  const error = await read(text).then(
    () => 'not refused',
    (thrown: unknown) => thrown,
  );
  if (!HoldfastError.is(error, 'SPEC_INVALID')) throw error;
  return error.message.replaceAll(file, 'agent.yaml');
}

describe('a configuration file', () => {
  it('says what every option of the command says, in its own words', async () => {
    const {
      drivers,
      config: _config,
      ...options
    } = (await read(EVERYTHING)) as never as Record<string, unknown>;
    expect(drivers).toMatchObject({ written: { docker: { enabled: false } } });
    expect(options).toEqual({
      dataDir: join(dir, 'data'),
      logLevel: 'debug',
      socketGroup: 'root',
      onlyDriver: ['raw_exec'],
      driverPlugin: [{ name: 'mine', path: join(dir, 'drivers/mine.ts') }],
      cgroups: false,
      diskFloor: 128,
      logBudget: 2 * 2 ** 30,
      keepFinished: 12,
      keepFinishedFor: 7 * 86_400_000,
      maxDisk: 90,
      maxInodes: 91,
      node: {
        datacenter: 'dc1',
        coreMhz: 2000,
        meta: { rack: 'r7' },
        attributes: { 'a.b': 'c' },
      },
      network: {
        dynamicPorts: { from: 21_000, to: 21_999 },
        reservedPorts: [22, 8000, 8001, 8002],
        hostIp: '192.0.2.9',
        hostNetworks: { public: '192.0.2.1' },
        cniPath: ['/opt/a', '/opt/b'],
        cniConfigDirs: ['/etc/a'],
        bridge: { name: 'hf0', subnet: '172.26.96.0/20' },
      },
      denyHostEnv: ['AWS_*'],
      sinkList: [expect.objectContaining({ type: 'file', name: 'f', path: '/var/log/f.jsonl' })],
      artifactRoot: [join(dir, 'art')],
      artifactLimit: 1.5 * 2 ** 30,
      insecureArtifacts: true,
      secretEnv: ['DB_*'],
      secretRoot: ['/run/secrets'],
      secretCommand: [join(dir, 'bin/vault')],
      templateRoot: [join(dir, 'tpl')],
      templateKeys: join(dir, 'keys'),
      http: { host: '::1', port: 4680 },
      httpCert: join(dir, 'cert.pem'),
      httpKey: join(dir, 'key.pem'),
      httpHost: ['node-1'],
      isolatedDriver: ['mine'],
      grpc: '0.0.0.0:4681',
      grpcCa: join(dir, 'ca.pem'),
      grpcCert: join(dir, 'g.pem'),
      grpcKey: '/etc/g.key',
    });
    const limits = limitsOf(options);
    expect(() => checkOptions({ dataDir: '/x', ...limits })).not.toThrow();
  });

  it('has a key for every option of the command, and the example above has each', () => {
    const root = new Command();
    addAgentCommand(root);
    const names = root.commands[0]?.options
      .filter(({ hidden }) => !hidden)
      .map((option) => option.attributeName())
      .filter((name) => !['config', 'checkConfig'].includes(name));
    expect(names?.length).toBeGreaterThan(30);
    const keys = AGENT_KEYS as Readonly<Record<string, { readonly key: string }>>;
    expect(names?.filter((name) => keys[name] === undefined)).toEqual([]);
    const written = parse(EVERYTHING.replace('max_inodes', 'maxInodes')) as object;
    const at = (path: string): unknown =>
      path.split('.').reduce<unknown>((value, key) => (value as never)?.[key], written);
    const paths = Object.values(keys).map(({ key }) => key);
    expect(paths.filter((path) => at(path) === undefined)).toEqual([]);
    const { $schema: _schema, ...shape } = agentSchema.shape;
    expect(Object.keys(shape).filter((key) => at(key) === undefined)).toEqual([]);
  });

  it('that says nothing configures nothing', async () => {
    expect(await read('# nothing yet\n')).toEqual({ config: file, cgroups: true });
  });

  it.each([
    ['htpp: {}', 'agent.yaml:1:1  htpp is not a known key. Did you mean http?'],
    [
      'http:\n  lisen: a:1\n',
      'agent.yaml:2:3  http.lisen is not a known key. Did you mean listen?',
    ],
    ['keepFinished: "3"', 'agent.yaml:1:15  keepFinished must be a number, not "3"'],
    ['diskFloor: 64', 'agent.yaml:1:12  diskFloor must be a size with a unit'],
    ['logLevel: verbose', 'agent.yaml:1:11  logLevel must be debug, info, warn or error'],
    ['keepFinishedFor: 7', 'agent.yaml:1:18  keepFinishedFor must be a duration with a unit'],
    ['network: { ports: "9-3" }', 'network.ports must be a range of ports'],
    ['network: { subnet: 10.0.0.0 }', 'network.subnet must be IPv4 with its prefix'],
    ['http: { listen: "host" }', 'http.listen must be a host and a port'],
    ['http: { listen: "host:70000" }', 'http.listen must have a port up to 65535'],
    ['http: { listen: "a:1", cert: c }', 'http has cert without key, or key without cert'],
    ['grpc: { listen: "a:1" }', 'grpc.ca is missing'],
    ['keepFinished: 1\nkeep_finished: 2', 'keep_finished is the same key as keepFinished'],
    ['a: 1\n---\nb: 2', 'begins a second document: a file holds one configuration'],
    ['[1]', 'the configuration must be a map of keys and values, not a list'],
  ])('%j is refused, with place and reason', async (text, words) => {
    expect(await refusal(text)).toContain(words);
  });

  it.each([
    ['drivers:\n  dokcer: {}\n', ':2:3  dokcer is not a driver. Did you mean docker?'],
    ['drivers:\n  docker:\n    gc:\n      imgae: true\n', ':4:7  options of driver docker: '],
    ['drivers:\n  exec: { enabled: 3 }\n', ':2:11  drivers.exec.enabled must be true or false'],
  ])('%j is refused where the mistake about a driver is', async (text, words) => {
    writeFileSync(file, text);
    await expect(readSettings({ config: file })).rejects.toMatchObject({
      code: 'SPEC_INVALID',
      message: expect.stringContaining(`${file}${words}`) as string,
    });
  });

  it('counts only when nobody else can write it', async () => {
    await read('maxDisk: 70');
    for (const mode of [0o664, 0o646, 0o666]) {
      chmodSync(file, mode);
      await expect(withFile({ config: file })).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
        message: `others can write ${file}: chmod go-w ${file}`,
      });
    }
    chmodSync(file, 0o644);
    expect(await withFile({ config: file })).toMatchObject({ maxDisk: 70 });
  });

  it.runIf(process.geteuid?.() === 0)('of somebody else is refused', async () => {
    await read('maxDisk: 70');
    chownSync(file, 65_534, 65_534);
    await expect(withFile({ config: file })).rejects.toThrow(/belongs to user 65534/);
  });

  it('names a private key that not everybody can read, or is refused', async () => {
    const key = join(dir, 'key.pem');
    writeFileSync(key, '-----BEGIN PRIVATE KEY-----\n', { mode: 0o644 });
    chmodSync(key, 0o644);
    writeFileSync(file, 'http: { listen: "127.0.0.1:0", cert: key.pem, key: key.pem }');
    await expect(readSettings({ config: file })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: `--http-key: everybody can read the key ${key}: chmod o-r ${key}`,
    });
    chmodSync(key, 0o640);
    await expect(readSettings({ config: file })).rejects.toThrow('not a certificate and its key');
  });

  it('yields to options, and its data directory to the variable too', async () => {
    const text = 'dataDir: /from/file\nmaxDisk: 70\nhttp: { listen: "a:1", hosts: [x, y] }\n';
    vi.stubEnv('HOLDFAST_DATA_DIR', undefined);
    expect(await read(text)).toMatchObject({ dataDir: '/from/file', maxDisk: 70 });
    const flags = { maxDisk: 60, httpHost: ['z'], dataDir: '/from/flag' };
    expect(await read(text, flags)).toMatchObject({ ...flags, http: { host: 'a', port: 1 } });
    vi.stubEnv('HOLDFAST_DATA_DIR', '/from/variable');
    expect((await read(text)).dataDir).toBeUndefined();
    expect(await read('cgroups: auto', { cgroups: false })).toMatchObject({ cgroups: false });
    const options = join(dir, 'drivers.yaml');
    writeFileSync(options, 'drivers: { java: { enabled: false } }');
    writeFileSync(file, 'drivers: { exec: { enabled: false } }');
    const { drivers } = await readSettings({ config: file, driverOptions: options });
    expect(drivers.map(({ name }) => name)).toEqual(['docker', 'exec']);
  });
});

describe('a configuration that is read anew', () => {
  const settingsOf = async (text: string) => {
    writeFileSync(file, text);
    return readSettings({ config: file });
  };

  it('counts at once in what may change, and names the rest', async () => {
    const before = await settingsOf('maxDisk: 70\ndiskFloor: 1GiB\nlogBudget: 1GiB\n');
    const after = await settingsOf('keepFinished: 5\nlogBudget: 2GiB\ndenyHostEnv: [A]\n');
    const { changed, needRestart, settings } = changesOf(before, after);
    expect(changed.toSorted()).toEqual(['diskFloor', 'keepFinished', 'maxDisk']);
    expect(needRestart.toSorted()).toEqual(['denyHostEnv', 'logBudget']);
    // What is no longer written is as by default, and what needs a restart is as it was.
    expect(settings.limits).toEqual({
      driverPlugins: [],
      retention: { keepFinishedAllocs: 5 },
      logs: { budgetBytes: 2 ** 30 },
    });
  });

  it('moves no service, and takes nothing for it', async () => {
    const before = await settingsOf('http: { listen: "127.0.0.1:1", hosts: [a] }');
    const hosts = changesOf(before, await settingsOf('http: { listen: "127.0.0.1:1" }'));
    expect(hosts).toMatchObject({ changed: ['http.hosts'], settings: { http: { port: 1 } } });
    const moved = changesOf(before, await settingsOf('http: { listen: "127.0.0.1:2" }'));
    expect(moved.changed).toEqual([]);
    expect(moved.needRestart).toEqual(['http.listen', 'http.hosts']);
    expect(moved.settings.http).toEqual(before.http);
  });

  it('finds another option of a driver, wherever it is written', async () => {
    const before = await settingsOf('drivers: { docker: { pidsLimit: 5 } }');
    const after = await settingsOf('drivers: { docker: { pidsLimit: 6 } }');
    expect(changesOf(before, before)).toMatchObject({ changed: [], needRestart: [] });
    expect(changesOf(before, after)).toMatchObject({ changed: [], needRestart: ['drivers'] });
  });
});
