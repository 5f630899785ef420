/** Artifacts that nobody should unpack: what is refused, how that is told, and that nothing of them is left anywhere. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Orchestrator } from '../../src/api.ts';
import { errnoOf, messageOf } from '../../src/errors.ts';
import { eventsSoFar, type Machine } from '../acceptance/rig.ts';
import type { Drill, Findings } from '../faults/drill.ts';
import { tarOf, tgzOf, zipOf } from '../hooks/artifacts/archives.ts';
import { withMachine, withMutant } from '../logs/room.ts';
import type { Patch } from '../patch.ts';

interface Artifact {
  readonly kind: string;
  /** Ends as the archive is named. */
  readonly path: string;
  readonly body: Buffer;
  readonly checksum?: string;
  /** What the event says; undefined: it is a good one. */
  readonly refusal?: RegExp;
}

const LIMIT_BYTES = 2_000_000;
/** At a time. */
const BATCH = 8;

/** Sums are read and not compared. */
const NO_SUMS: readonly Patch[] = [
  {
    file: 'src/hooks/artifacts/fetch-artifact.ts',
    find: 'if (artifact.checksum !== undefined) await check(artifact.checksum, got, signal);',
    replace: 'if (artifact.checksum === "") await check(artifact.checksum, got, signal);',
  },
];

export const hostileArtifacts: Drill = {
  name: 'hostile artifacts',
  promise: 'archives that escape or explode, and wrong checksums, are refused and leave nothing',
  tools: [],
  privileges: [],
  mutants: [NO_SUMS],
  cases: { share: 16, full: 600 },
  async run(findings, cases) {
    const all = Array.from({ length: cases }, (_one, at) => artifactOf(findings, at));
    await findings.attempt('artifacts', () => withMachine((it) => fetched(findings, it, all)));
    const wrong = [SORTS.length - 2, SORTS.length - 1].map((at) => artifactOf(findings, at));
    await withMutant(NO_SUMS, async (command) => {
      const control = (machine: Machine): Promise<void> => fetched(undefined, machine, wrong);
      const text = await withMachine(control, command).then(() => 'nothing was noticed', messageOf);
      findings.control('an agent that compares no checksums', /checksum: it was/.test(text), text);
    });
  },
};

/** Throws the first fault when nobody counts them. */
async function fetched(
  findings: Findings | undefined,
  machine: Machine,
  artifacts: readonly Artifact[],
): Promise<void> {
  const { server, url } = await serving(artifacts);
  try {
    const agent = await machine.startAgent('--artifact-limit', `${LIMIT_BYTES}B`);
    for (let first = 0; first < artifacts.length; first += BATCH) {
      const some = artifacts.slice(first, first + BATCH);
      await Promise.all(
        some.map(async (artifact, at) => {
          const fault = await faultOf(agent, machine, artifact, url, first + at);
          findings?.count(
            artifact.refusal === undefined ? 'accepted' : `refused: ${artifact.kind}`,
          );
          if (fault === undefined) return;
          const text = `${artifact.kind}: ${fault}`;
          if (findings === undefined) throw new Error(text);
          findings.fail(artifact.path, text);
        }),
      );
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function faultOf(
  agent: Orchestrator,
  machine: Machine,
  { path, checksum, refusal }: Artifact,
  url: string,
  number: number,
): Promise<string | undefined> {
  const artifact = { source: `${url}/${path}`, ...(checksum === undefined ? {} : { checksum }) };
  const config = { command: 'true' };
  const task = { name: 't', driver: 'raw_exec', config, artifacts: [artifact] };
  const restart = { attempts: 0 };
  const group = { name: `g${number}`, restart, tasks: [task] };
  const handle = await agent.run({ ...group, type: 'batch' });
  const { state, tasks } = await handle.wait();
  const wanted = refusal === undefined ? 'complete' : 'failed';
  if (state !== wanted) return `it was ${state}: ${tasks[0]?.reason}`;
  if (refusal === undefined) return undefined;
  const failed = await eventsSoFar(agent, { ref: handle.allocId, types: ['HookFailed'] });
  const said = failed.map(({ data }) => (data as { readonly message: string }).message);
  if (said.length !== 1 || !refusal.test(said[0] ?? '')) return `it was told as ${said.join()}`;
  const left = pathsBelow(machine.dataDir).filter((found) => found.includes(escaped(number)));
  if (left.length > 0) return `it left ${left.join()}`;
  return existsSync(outside(number)) ? `it wrote ${outside(number)}` : undefined;
}

/** Without those of directories that go while they are looked at. */
function pathsBelow(dir: string): readonly string[] {
  try {
    return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
      const path = join(dir, entry.name);
      return entry.isDirectory() ? [path, ...pathsBelow(path)] : [path];
    });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function outside(number: number): string {
  return join(tmpdir(), `escaped-${number}-${process.pid}`);
}

type Sort = (chance: Findings, number: number) => Omit<Artifact, 'path'> & { readonly end: string };

const LEADS_OUT = /leads out of the archive|is no file of the archive/;
const TOO_LARGE = /larger than|times its size|more than the \d+/;

const ups = (chance: Findings): string => '../'.repeat(chance.between(1, 12));
const escaped = (number: number): string => `escaped-${number}-${process.pid}`;

/** Each kind in turn, with what chance adds to it. */
const SORTS: readonly Sort[] = [
  (chance, number) => {
    const before = chance.pick(['', './', 'a/', 'a/b/../', 'a//', '././']);
    const name = `${before}${ups(chance)}../${chance.pick(['', 'tmp/'])}${escaped(number)}`;
    const body = tgzOf([
      { name: 'fine', content: 'x' },
      { name, content: 'out' },
    ]);
    return { kind: 'a tar that climbs', end: 'tgz', body, refusal: LEADS_OUT };
  },
  (_chance, number) => ({
    kind: 'a tar from the root',
    end: 'tar',
    body: tarOf([{ name: outside(number), content: 'out' }]),
    refusal: LEADS_OUT,
  }),
  (chance, number) => {
    const target = chance.pick([tmpdir(), `${ups(chance)}..`, '/']);
    const link = { name: 'way', type: '2', target };
    const body = tgzOf([link, { name: `way/${escaped(number)}`, content: 'out' }]);
    return { kind: 'a link, and a file through it', end: 'tar.gz', body, refusal: LEADS_OUT };
  },
  (chance, number) => {
    const target = chance.pick(['/etc/passwd', `${ups(chance)}../etc/passwd`]);
    const body = tgzOf([{ name: escaped(number), type: '1', target }]);
    return { kind: 'a hard link to the outside', end: 'tgz', body, refusal: LEADS_OUT };
  },
  (chance, number) => {
    const name = `${ups(chance)}${chance.pick(['', 'tmp/'])}${escaped(number)}`;
    const body = zipOf([
      { name: 'fine', content: 'x' },
      { name, content: 'out' },
    ]);
    return { kind: 'a zip that climbs', end: 'zip', body, refusal: /.+/ };
  },
  (chance, number) => ({
    kind: 'a device or a pipe',
    end: 'tar',
    body: tarOf([{ name: escaped(number), type: chance.pick(['3', '4', '6']) }]),
    refusal: /.+/,
  }),
  (chance, number) => {
    const content = Buffer.alloc(chance.between(2, 20) * LIMIT_BYTES);
    const body = tgzOf([{ name: escaped(number), content }]);
    return { kind: 'a bomb of zeros', end: 'tgz', body, refusal: TOO_LARGE };
  },
  (chance, number) => {
    const body = gzipSync(Buffer.alloc(chance.between(2, 20) * LIMIT_BYTES));
    return { kind: 'a file that explodes', end: `${escaped(number)}.gz`, body, refusal: TOO_LARGE };
  },
  (chance, number) => {
    const entries = Array.from({ length: chance.between(4_097, 6_000) }, (_one, at) => ({
      name: `d/${escaped(number)}-${at}`,
    }));
    return { kind: 'too many files', end: 'tgz', body: tgzOf(entries), refusal: TOO_LARGE };
  },
  (_chance, number) => ({
    kind: 'a good archive',
    end: 'tgz',
    body: tgzOf([{ name: `kept-${number}`, content: 'x' }]),
  }),
  (_chance, number) => {
    const body = Buffer.from(`the content of ${number}`);
    const checksum = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    return { kind: 'a good checksum', end: 'bin', body, checksum };
  },
  (chance, number) => {
    const body = Buffer.from(`the content of ${number}`);
    const [algorithm, digits] = chance.pick([
      ['sha1', 40],
      ['sha256', 64],
      ['sha512', 128],
    ] as const);
    const checksum = `${algorithm}:${'0123456789abcdef'.repeat(8).slice(0, digits)}`;
    return { kind: 'a wrong checksum', end: 'bin', body, checksum, refusal: /checksum|sha\d/ };
  },
];

function artifactOf(findings: Findings, number: number): Artifact {
  const sort = SORTS[number % SORTS.length];
  if (sort === undefined) throw new Error('there is a sort for every number');
  const { end, ...rest } = sort(findings, number);
  return { ...rest, path: `${number}/a.${end}` };
}

async function serving(
  artifacts: readonly Artifact[],
): Promise<{ readonly server: Server; readonly url: string }> {
  const bodies = new Map(artifacts.map(({ path, body }) => [`/${path}`, body]));
  const server = createServer(({ url = '' }, response) => response.end(bodies.get(url)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
