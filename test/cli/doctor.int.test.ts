/** A doctor beside living agents, after dead ones, and when everything but the processes is gone. */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { countingGroup, Machine, pidsOf, runningPid, until } from '../acceptance/rig.ts';

const bin = resolve(import.meta.dirname, '../../bin/holdfast');
let machine: Machine;

beforeEach(() => {
  machine = new Machine();
});
afterEach(() => machine.scrap());

function examine(dataDir = machine.dataDir): { status: number | null; findings: Finding[] } {
  const args = ['doctor', '--json', '--data-dir', dataDir];
  const { status, stdout } = spawnSync(bin, args, { encoding: 'utf8' });
  return { status, findings: JSON.parse(stdout) as Finding[] };
}

const by = (findings: readonly Finding[], check: string): readonly Finding[] =>
  findings.filter((one) => one.check === check);
const notFine = (findings: readonly Finding[]): readonly string[] =>
  findings.filter(({ level }) => level !== 'ok').map(({ check }) => check);

describe('a doctor', () => {
  it('finds nothing wrong without a data directory, and makes none', () => {
    const dataDir = join(machine.dataDir, 'none');
    const { status, findings } = examine(dataDir);
    expect([status, notFine(findings)]).toEqual([0, []]);
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['node', 'sqlite', 'sh', 'env', 'link', 'fsync', 'disk space']),
    );
    expect(readdirSync(machine.dataDir)).toEqual([]);
  });

  it('beside an agent sees all of it, disturbs nothing, and says who holds the lock', async () => {
    const agent = await machine.startAgent();
    const pid = await runningPid(agent, 'count');
    const before = (await agent.agent()).head;
    const { status, findings } = examine();
    expect([status, notFine(findings)]).toEqual([0, []]);
    expect(by(findings, 'agent')[0]?.message).toContain(`pid ${machine.agentPid} holds the lock`);
    expect(by(findings, 'host')).toHaveLength(2);
    expect(by(findings, 'runs')[0]?.message).toBe('1 run alive and known to the log');
    expect((await agent.agent()).head).toBe(before);
    expect(await pidsOf(agent, 'count')).toEqual([pid]);
    await agent.run(countingGroup('more', 1));
  });

  it('after an agent asks for one, and names hosts that are dead or stopped', async () => {
    await runningPid(await machine.startAgent(), 'count');
    await machine.killAgent();
    process.kill(machine.hostPid('logmon') as number, 'SIGKILL');
    const executor = machine.hostPid('executor') as number;
    process.kill(executor, 'SIGSTOP');
    const { status, findings } = examine();
    process.kill(executor, 'SIGCONT');
    expect([status, notFine(findings)]).toEqual([0, ['host', 'host', 'runs']]);
    const remedies = by(findings, 'host').map(({ remedy }) => remedy);
    expect(remedies).toContain(`kill -CONT ${executor}`);
    expect(by(findings, 'runs')[0]?.remedy).toBe('start an agent: it adopts them');
  });

  it('without the store names what runs as orphans, and an agent then adopts them', async () => {
    const pid = await runningPid(await machine.startAgent(), 'count');
    await machine.killAgent();
    rmSync(join(machine.dataDir, 'state', 'store'), { recursive: true });
    const { status, findings } = examine();
    expect([status, notFine(findings)]).toEqual([1, ['store', 'orphan']]);
    expect(by(findings, 'orphan')[0]?.message).toMatch(
      new RegExp(`is alive \\(pid ${pid}\\) and there is no log .*/t0, whose spec is saved$`),
    );
    const agent = await machine.startAgent();
    expect(await until('it is adopted', () => pidsOf(agent, 'count'))).toEqual([pid]);
    expect(by(examine().findings, 'orphan')).toEqual([]);
  });

  it('with nothing but the processes left lists them by their mark and touches none', async () => {
    const agent = await machine.startAgent();
    const pid = await runningPid(agent, 'count');
    const { instanceId } = await agent.agent();
    await machine.killAgent();
    const state = join(machine.dataDir, 'state');
    for (const name of ['store', 'run', 'specs', 'instance.json']) {
      rmSync(join(state, name), { recursive: true });
    }
    const { status, findings } = examine();
    const text = `1 process of instance ${instanceId} (pid ${pid}) in ${machine.dataDir}, whose state does not know of them: no agent will`;
    const ofUs = by(findings, 'lost runs').map(({ message }) => message);
    expect([status, ofUs]).toEqual([1, [text]]);
    rmSync(state, { recursive: true });
    const later = by(examine().findings, 'lost runs');
    expect(later.map(({ message }) => message)).toEqual([text]);
    expect(later[0]?.remedy).toContain(`or end them: kill -9 ${pid}`);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
  });

  it('names a run whose files are gone, and what an agent would do about it', async () => {
    const agent = await machine.startAgent();
    const pid = await runningPid(agent, 'count');
    rmSync(join(machine.dataDir, 'state', 'run'), { recursive: true });
    const [beside] = by(examine().findings, 'run files');
    expect(beside).toMatchObject({ level: 'fail', remedy: expect.stringMatching(/\/t0$/) });
    expect(beside?.message).toContain(`pid ${pid}`);
    await machine.killAgent();
    const [after] = by(examine().findings, 'run files');
    expect(after?.remedy).toBe('an agent ends what it cannot follow, and starts its task anew');
    for (const name of ['store', 'specs']) {
      rmSync(join(machine.dataDir, 'state', name), { recursive: true });
    }
    const { findings } = examine();
    expect(by(findings, 'store')[0]?.remedy).toMatch(/^put it back from a backup/);
    expect(by(findings, 'orphan')[0]?.remedy).toMatch(/^put its files back from a backup/);
  });

  it('names damaged files of what runs, and takes a replaced host for no loss', async () => {
    const agent = await machine.startAgent();
    const pid = await runningPid(agent, 'count');
    const first = machine.hostPid('logmon') as number;
    process.kill(first, 'SIGKILL');
    await until(
      'it is replaced',
      async () => ![first, undefined].includes(machine.hostPid('logmon')),
    );
    await until('it is told', () => by(examine().findings, 'host').length === 3);
    await until('all is well', () => notFine(examine().findings).length === 0);
    const runDir = join(machine.dataDir, 'state', 'run');
    const [key = ''] = readdirSync(runDir);
    for (const file of ['intent', 'fate', 'identity']) {
      writeFileSync(join(runDir, key, file), 'x'.repeat(999));
    }
    const [found] = by(examine().findings, 'run files');
    expect(found).toMatchObject({ level: 'fail', remedy: expect.stringMatching(/\/t0$/) });
    expect(found?.message).toMatch(new RegExp(`^intent, fate, identity of .*/t0 .*pid ${pid}\\)`));
  });

  it('takes nothing of another data directory for its own because of a swapped identity', async () => {
    await runningPid(await machine.startAgent(), 'count');
    const other = new Machine();
    onTestFinished(() => other.scrap());
    await runningPid(await other.startAgent(), 'count');
    const file = (one: Machine) => join(one.dataDir, 'state', 'instance.json');
    const own = readFileSync(file(machine));
    cpSync(file(other), file(machine));
    const { findings } = examine();
    writeFileSync(file(machine), own);
    expect(by(findings, 'orphan')).toEqual([]);
    expect(by(findings, 'instance')[0]).toMatchObject({
      level: 'fail',
      remedy: 'put back the right one before an agent starts',
    });
    expect(by(findings, 'runs')[0]?.message).toBe('1 run alive and known to the log');
  });

  it('names a copy, a removed lock, and the disk floor of the agent', async () => {
    await machine.startAgent('--disk-floor', '99999999');
    // It would close its store and open it anew, in the middle of what is looked at and copied here.
    process.kill(machine.agentPid, 'SIGSTOP');
    rmSync(join(machine.dataDir, 'state', 'lock'));
    const { findings } = examine();
    rmSync(join(machine.dataDir, 'state', 'lock.json'));
    const nameless = by(examine().findings, 'agent').map(({ message }) => message);
    expect(nameless.at(-1)).toBe(
      `pid ${machine.agentPid} uses this directory, and somebody removed its lock`,
    );
    expect(by(findings, 'agent')[0]).toMatchObject({
      level: 'fail',
      message: `pid ${machine.agentPid} holds the lock, and somebody removed its file: no other agent comes in`,
    });
    expect(by(findings, 'disk space')[0]?.message).toMatch(/: below 95\.4 TiB nothing is started$/);
    const copy = `${machine.dataDir}-copy`;
    onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
    // Sockets cannot be copied, and a copy does not need them.
    cpSync(machine.dataDir, copy, {
      recursive: true,
      filter: (path) => !lstatSync(path).isSocket(),
    });
    process.kill(machine.agentPid, 'SIGCONT');
    expect(by(examine(copy).findings, 'copy')).toHaveLength(1);
  });

  it('never takes for ours what another instance marked', async () => {
    const agent = await machine.startAgent();
    const instance = 'f'.repeat(31).padEnd(32, '0');
    const stranger = spawn('/usr/bin/sleep', ['1000'], {
      env: { HOLDFAST_MARK: `${instance}:${'a'.repeat(20)}` },
      stdio: 'ignore',
    });
    onTestFinished(() => void stranger.kill('SIGKILL'));
    await until('it bears its mark', () =>
      by(examine().findings, 'foreign runs').some(({ message }) => message.includes(instance)),
    );
    const { findings } = examine();
    expect([by(findings, 'orphan'), notFine(findings)]).toEqual([[], []]);
    await agent.close({ tasks: 'stop' });
    expect(stranger.exitCode).toBe(null);
  });

  it('says what is wrong with a data directory, and fails', () => {
    mkdirSync(join(machine.dataDir, 'state'), { mode: 0o755 });
    chmodSync(machine.dataDir, 0o777);
    const { status, findings } = examine();
    expect(status).toBe(1);
    expect(by(findings, 'data directory')[0]?.message).toMatch(/others can write .*: chmod go-w /);
    chmodSync(machine.dataDir, 0o711);
    expect(by(examine().findings, 'state directory')[0]?.remedy).toMatch(/^chmod 700 .*\/state$/);
  });
});

describe('the commands of the store', () => {
  it('read what a running agent has written, while it writes', async () => {
    const agent = await machine.startAgent();
    await runningPid(agent, 'count');
    const store = (...args: string[]) => {
      const all = ['store', ...args, '--data-dir', machine.dataDir];
      return spawnSync(bin, all, { encoding: 'utf8' });
    };
    const { head } = await agent.agent();
    const verified = store('verify');
    expect([verified.status, verified.stderr]).toEqual([
      0,
      `sound: ${head} events, head ${head}\n`,
    ]);
    expect(JSON.parse(store('info', '--json').stdout)).toMatchObject({
      head,
      lockedBy: machine.agentPid,
      faults: 0,
    });
    const told = spawnSync(bin, ['events', '--jsonl', '--data-dir', machine.dataDir]);
    expect(store('export').stdout).toBe(told.stdout.toString());
    const wrong = store('export', '--after', 'x');
    expect([wrong.status, wrong.stderr]).toEqual([
      2,
      'holdfast: --after wants a position, such as 41, not "x"\n',
    ]);
    const unknown = store('verfy');
    expect([unknown.status, unknown.stderr]).toEqual([
      2,
      expect.stringContaining("holdfast: unknown command 'verfy'"),
    ]);
  });
});
