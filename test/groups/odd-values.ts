/** Values of any kind, by themselves and through references, as they are read and as a real program finds them. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { messageOf } from '../../src/errors.ts';
import { TaskEnvironment } from '../../src/spec/task-env.ts';
import { type Machine, until } from '../acceptance/rig.ts';
import type { Drill } from '../faults/drill.ts';
import { withMachine, withMutant } from '../logs/room.ts';
import { taskSpec } from '../machines/stories.ts';
import type { Patch } from '../patch.ts';
import { asWritten, ODD_VALUE } from '../spec/odd-values.ts';

/** Of two dollar signs none is taken away. */
const KEEPS_ESCAPES: readonly Patch[] = [
  {
    file: 'src/spec/interpolate.ts',
    find: 'text.slice(end, isEscaped ? at - 1 : at)',
    replace: 'text.slice(end, at)',
  },
];
/** At a time: as many as a program can be handed. */
const BATCH = 500;

export const oddValues: Drill = {
  name: 'odd values',
  promise: 'what a variable is to hold arrives unchanged, whatever it is, and through references',
  tools: [],
  privileges: [],
  mutants: [KEEPS_ESCAPES],
  cases: { share: 5_000, full: 100_000 },
  async run(findings, cases) {
    const values = fc.sample(ODD_VALUE, { numRuns: cases, seed: findings.seed });
    for (let first = 0; first < values.length; first += BATCH) {
      const some = values.slice(first, first + BATCH);
      const fault = faultIn(envOf(some), read(envOf(some)), some);
      if (fault !== undefined) findings.fail(`values from ${first} on`, fault);
    }
    findings.count('values that were read', values.length);
    const trimmed = (value: string): string => value.trim();
    const some = values.slice(0, BATCH);
    const caught = faultIn(envOf(some), read(envOf(some.map(trimmed))), some);
    findings.control('values that were trimmed', caught !== undefined, caught ?? 'nothing');
    const real = fc.sample(ODD_VALUE, { numRuns: BATCH, seed: findings.seed });
    await findings.attempt('a real program', () => withMachine((it) => handed(it, real)));
    findings.count('values that a program was handed', real.length);
    await withMutant(KEEPS_ESCAPES, async (command) => {
      const work = (machine: Machine): Promise<void> => handed(machine, real);
      const text = await withMachine(work, command).then(() => 'nothing was noticed', messageOf);
      findings.control('dollar signs that stay', /is not what was written/.test(text), text);
    });
  },
};

type Env = Readonly<Record<string, string>>;

function envOf(values: readonly string[]): Env {
  const env: Record<string, string> = {};
  for (const [at, value] of values.entries()) {
    env[`R${at}`] = `\${V${at}}`;
    env[`V${at}`] = asWritten(value);
  }
  return env;
}

function read(env: Env): Env {
  const told = new TaskEnvironment({
    places: { alloc: '/alloc', local: '/local', secrets: '/secrets', tmp: '/tmp' },
    allocId: 'a1',
    allocName: 'shop',
    task: taskSpec({ env, interpolation: { rules: 1, unknown: 'error' } }),
  });
  if (told.problems.length > 0) throw new Error(JSON.stringify(told.problems[0]));
  return told.env;
}

function faultIn(written: Env, found: Env, values: readonly string[]): string | undefined {
  const wrong = Object.keys(written).find((name) => found[name] !== values[Number(name.slice(1))]);
  if (wrong === undefined) return undefined;
  return `${wrong} is not what was written: ${JSON.stringify(found[wrong])}`;
}

/** Throws what is wrong. Half of them through references: a program can be handed only so much. */
async function handed(machine: Machine, values: readonly string[]): Promise<void> {
  const agent = await machine.startAgent();
  const config = { command: 'sleep', args: ['600'] };
  const env = envOf(values);
  await agent.run({ name: 'odd', tasks: [{ name: 'web', driver: 'raw_exec', config, env }] });
  const pid = await until('it runs', async () => {
    const found = (await agent.inspect('odd')).tasks[0]?.pid ?? undefined;
    // Who bears the pid is not the program before it was executed.
    return found !== undefined && isSleep(found) && found;
  });
  const fault = faultIn(env, environOf(pid), values);
  if (fault !== undefined) throw new Error(fault);
}

function isSleep(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
}

function environOf(pid: number): Env {
  const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').slice(0, -1);
  const cut = (entry: string): [string, string] => {
    const at = entry.indexOf('=');
    return [entry.slice(0, at), entry.slice(at + 1)];
  };
  return Object.fromEntries(entries.map(cut));
}
