/** Random lives under random policies, with agents that die anywhere, through the real decider. */
import fc from 'fast-check';
import type { Drill } from '../faults/drill.ts';
import { forgetful, live, lives, tooOften } from '../machines/restart-lives.ts';

/** Enough that a broken agent is noticed, whatever the seed. */
const CONTROL_LIVES = 300;

export const restartPolicy: Drill = {
  name: 'restart policy',
  promise: 'nothing is restarted more often than its policy says, wherever agents die',
  tools: [],
  privileges: [],
  cases: { share: 500, full: 10_000 },
  async run(findings, cases) {
    const { seed } = findings;
    const all = fc.sample(lives, { numRuns: cases, seed });
    for (const [at, life] of all.entries()) {
      const lived = live(life);
      findings.count('restarts', lived.restarts.length);
      findings.count('agents that died', life.turns.filter(({ agentDies }) => agentDies).length);
      const fault = tooOften(life, lived);
      if (fault !== undefined) findings.fail(`life ${at}`, fault);
    }
    findings.count('lives', all.length);
    const some = fc.sample(lives, { numRuns: CONTROL_LIVES, seed });
    const caught = some.map((life) => tooOften(life, live(life, forgetful))).find(Boolean);
    const name = 'an agent that keeps its counts in memory';
    findings.control(name, caught !== undefined, caught ?? 'nothing was noticed');
  },
};
