import { describe, expect, it } from 'vitest';
import { importNomad } from '../../src/import/nomad.ts';
import { resolveSpec } from '../../src/spec/resolve-spec.ts';
import { validateGroup } from '../../src/spec/validate-spec.ts';

const S = 1_000_000_000;

const task = (more: object = {}): object => ({
  Name: 'api',
  Driver: 'raw_exec',
  Config: { command: '/bin/api', args: ['-p', '${NOMAD_PORT_http}'] },
  ...more,
});
const job = (groupMore: object = {}, taskMore: object = {}, more: object = {}): object => ({
  Job: {
    ID: 'web',
    Name: 'web',
    Type: 'service',
    TaskGroups: [{ Name: 'front', Tasks: [task(taskMore)], ...groupMore }],
    ...more,
  },
});

/** What is made of it passes the validation, whatever it was. */
function imported(file: object, group?: string) {
  const made = importNomad(file, group);
  return { ...made, spec: resolveSpec(validateGroup(made.group)) };
}

describe('a job of Nomad', () => {
  it('becomes a group, with everything in it that has a meaning here', () => {
    const { group, notes } = imported(
      job(
        {
          Meta: { team: 'a' },
          RestartPolicy: { Attempts: 3, Interval: 600 * S, Delay: 15 * S, Mode: 'delay' },
          ShutdownDelay: 2 * S,
          MaxRunDuration: 3_600 * S,
        },
        {
          User: 'web',
          Env: { A: '1' },
          KillTimeout: 20 * S,
          KillSignal: 'sigterm',
          Lifecycle: { Hook: 'prestart', Sidecar: false },
          Resources: { MemoryMB: 256, MemoryMaxMB: 512 },
          LogConfig: { MaxFiles: 3, MaxFileSizeMB: 5, Enabled: true },
        },
        { Meta: { team: 'b', owner: 'c' } },
      ),
    );
    expect(notes).toEqual([]);
    expect(group).toEqual({
      name: 'web',
      type: 'service',
      meta: { team: 'a', owner: 'c' },
      restart: { attempts: 3, interval: '10m', delay: '15s', mode: 'delay' },
      shutdownDelay: '2s',
      maxRunDuration: '1h',
      interpolation: { unknown: 'keep' },
      tasks: [
        {
          name: 'api',
          driver: 'raw_exec',
          config: { command: '/bin/api', args: ['-p', '${NOMAD_PORT_http}'] },
          user: 'web',
          env: { A: '1' },
          lifecycle: { hook: 'prestart' },
          resources: { memoryMb: 256, memoryMaxMb: 512 },
          logs: { maxFiles: 3, maxFileSizeMb: 5 },
          killSignal: 'SIGTERM',
          killTimeout: '20s',
        },
      ],
    });
  });

  it('says a line for each thing that is left out, and nothing of what nobody set', () => {
    const { notes } = imported(
      job(
        {
          Count: 3,
          Networks: [{ Mode: 'driver', MBits: 10 }],
          Services: [],
          Update: null,
          Scaling: {},
        },
        {
          Templates: [{ DestPath: 'x' }],
          Config: { command: 'x', no_cgroups: true },
          Resources: { CPU: 500, MemoryMB: 300, DiskMB: 0 },
          FromTheFuture: 1,
        },
        { Datacenters: ['dc1'], Priority: 50, Periodic: null, ModifyIndex: 12, ConsulToken: '' },
      ),
    );
    expect(notes).toEqual([
      'Datacenters is left out: where a group runs is not decided here',
      'Priority is left out: where a group runs is not decided here',
      "ModifyIndex is left out: it is the servers' own bookkeeping",
      'front.Count is left out: run it 3 times under other names',
      'front.api.Config.no_cgroups is left out: there is nothing like it here',
      'front.api.Resources.CPU is left out: MHz are not cores: say resources.cpu',
      'front.api.Templates is left out: they are written in the language of Go: write templates[] anew',
      'front.api.FromTheFuture is left out: there is nothing like it here',
      'front.Networks.Mode is left out: there is no mode driver here',
      'front.Networks.MBits is left out: nobody counts it',
    ]);
  });

  it('has the network of its group, with what that means here', () => {
    const network = {
      Mode: 'bridge',
      Hostname: 'web1',
      DNS: { Servers: ['10.0.0.1'], Searches: null, Options: ['ndots:2'] },
      ReservedPorts: [{ Label: 'http', Value: 8080, To: 80, HostNetwork: 'public' }],
      DynamicPorts: [{ Label: 'any', Value: 0, To: -1, HostNetwork: 'default' }],
    };
    const { spec, notes } = imported(job({ Networks: [network] }));
    expect(spec.network).toEqual({
      mode: 'bridge',
      hostname: 'web1',
      dns: { servers: ['10.0.0.1'], options: ['ndots:2'] },
      ports: [{ label: 'http', static: 8080, to: 80, hostNetwork: 'public' }, { label: 'any' }],
    });
    expect(notes.filter((note) => note.includes('Networks'))).toEqual([]);
    const [reserved] = network.ReservedPorts;
    const host = imported(
      job({ Networks: [{ ReservedPorts: [{ ...reserved, IgnoreCollision: true }] }, {}] }),
    );
    expect(host.spec.network?.ports).toEqual([
      { label: 'http', static: 8080, hostNetwork: 'public', isShared: true },
    ]);
    expect(host.notes.filter((note) => note.includes('Networks'))).toEqual([
      'front.Networks has more than one: only the first counts',
      'front.Networks.port.http.To is left out: on the network of the machine it is the port itself',
    ]);
  });

  it('keeps a policy of no restarts', () => {
    const { spec } = imported(job({ RestartPolicy: { Attempts: 0, Delay: 0, Mode: 'fail' } }));
    expect(spec.tasks[0]?.restart).toMatchObject({ attempts: 0, delayMs: 0, mode: 'fail' });
  });

  it('sends the signal that Nomad sends when none is said', () => {
    expect(imported(job()).spec.tasks[0]?.killSignal).toBe('SIGINT');
  });

  it('with several groups is one of them', () => {
    const two = job(
      {},
      {},
      {
        TaskGroups: [
          { Name: 'a', Tasks: [task()] },
          { Name: 'b', Tasks: [task()] },
        ],
      },
    );
    expect(imported(two, 'b').group['name']).toBe('web-b');
    expect(() => importNomad(two)).toThrow('has several groups: choose one with --group (a, b)');
    expect(() => importNomad(two, 'c')).toThrow('has no group "c"');
  });

  it.each<[unknown, string]>([
    [[], 'must be an object'],
    [{ Job: {} }, 'is no job of Nomad: it has no TaskGroups'],
    [job({ Tasks: 'x' }), 'front.Tasks must be a list'],
    [job({}, { Env: { A: {} } }), 'front.api.Env.A must be a text or a number'],
    [job({}, { KillTimeout: [1] }), 'front.api.KillTimeout must be a duration'],
    [job({}, {}, { Type: 'cron' }), 'Type is not known: "cron"'],
  ])('that makes no sense is refused: %#', (file, text) => {
    expect(() => importNomad(file)).toThrow(text);
  });

  it('that cannot be run as it is fails the validation with its words', () => {
    const lying = job({ RestartPolicy: { Attempts: 100, Interval: 10 * S, Delay: 15 * S } });
    expect(() => imported(lying)).toThrow('cannot be kept');
  });
});

describe('an artifact of a Nomad job', () => {
  const artifact = (one: object): { made: unknown; notes: readonly string[] } => {
    const { spec, notes } = imported(job({}, { Artifacts: [one] }));
    return { made: spec.tasks[0]?.artifacts?.[0], notes };
  };
  const sum = `sha256:${'0'.repeat(64)}`;

  it('keeps its options, in the query of its source or beside it', () => {
    const { made, notes } = artifact({
      GetterSource: `https://x.example/a.tgz?v=1&checksum=${sum}&archive=false`,
      RelativeDest: 'local/a',
      GetterMode: 'any',
      GetterHeaders: { 'X-A': '1' },
    });
    expect(notes).toEqual([]);
    expect(made).toEqual({
      source: 'https://x.example/a.tgz?v=1',
      destination: 'local/a',
      mode: 'any',
      checksum: sum,
      unpack: 'never',
      headers: { 'X-A': '1' },
    });
  });

  it('of a known host is a repository', () => {
    const { made } = artifact({
      GetterSource: 'github.com/owner/repo',
      GetterOptions: { ref: 'v1', depth: '1' },
    });
    expect(made).toMatchObject({
      source: 'git::https://github.com/owner/repo.git',
      options: { ref: 'v1', depth: 1 },
    });
  });

  it('loses its secrets and its MD5, and says so', () => {
    const { made, notes } = artifact({
      GetterSource: 's3::https://s3.example/b/k',
      GetterOptions: { aws_access_key_id: 'A', aws_access_key_secret: 'S', checksum: 'md5:0' },
      GetterHeaders: { Authorization: 'Bearer x' },
    });
    expect(made).toMatchObject({ options: { accessKeyId: 'A' } });
    expect(made).not.toHaveProperty('headers');
    expect(notes.map((note) => note.replace(/: .*$/, ''))).toEqual([
      'front.api.Artifacts[0].GetterOptions.checksum is left out',
      'front.api.Artifacts[0].headers.Authorization is left out',
      'front.api.Artifacts[0].options.secretAccessKey is left out',
    ]);
  });
});
