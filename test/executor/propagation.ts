/** Mounts made later, on either side: seen by the other one as the propagation says. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Drill } from '../faults/drill.ts';

const PLAY = join(import.meta.dirname, '..', 'drivers', 'propagation-play.ts');

interface Seen {
  readonly taskSees: string;
  readonly machineSees: boolean;
}

const EXPECTED: Readonly<Record<string, Seen>> = {
  private: { taskSees: '', machineSees: false },
  'host-to-task': { taskSees: 'of-the-machine', machineSees: false },
  bidirectional: { taskSees: 'of-the-machine', machineSees: true },
};

export const propagationDrill: Drill = {
  name: 'propagation',
  promise: 'mounts made later are seen by the other side as the propagation says',
  tools: ['runc', 'conmon', 'unshare', 'mount'],
  privileges: ['root', 'mounting'],
  cases: { share: 1, full: 20 },
  async run(findings, cases) {
    for (let index = 0; index < cases; index += 1) {
      await findings.attempt(`round ${index}`, () => {
        const args = ['--mount', '--propagation', 'private', process.execPath, PLAY];
        const text = execFileSync('unshare', args, { encoding: 'utf8', timeout: 120_000 });
        const seen = JSON.parse(text) as Record<string, Seen>;
        for (const [name, expected] of Object.entries(EXPECTED)) {
          const found = JSON.stringify(seen[name]);
          if (found !== JSON.stringify(expected)) throw new Error(`${name}: ${found}`);
          findings.count(name);
        }
        const isCaught =
          JSON.stringify(seen['private']) !== JSON.stringify(EXPECTED['bidirectional']);
        findings.control('a private mount held to be bidirectional', isCaught, 'it sees nothing');
      });
    }
  },
};
