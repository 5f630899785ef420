import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noContainersBecause } from '../processes/container-rig.ts';

const obstacle = noContainersBecause();
const PLAY = join(import.meta.dirname, 'propagation-play.ts');

describe.skipIf(obstacle)(`mounts made later (${obstacle ?? 'here'})`, () => {
  it('are seen by the other side as the propagation says, and refused where they could not be', () => {
    const args = ['--mount', '--propagation', 'private', process.execPath, PLAY];
    const text = execFileSync('unshare', args, { encoding: 'utf8', timeout: 60_000 });
    expect(JSON.parse(text)).toEqual({
      private: { taskSees: '', machineSees: false },
      'host-to-task': { taskSees: 'of-the-machine', machineSees: false },
      bidirectional: { taskSees: 'of-the-machine', machineSees: true },
      'plain host-to-task': expect.stringContaining('which is not shared'),
      'plain bidirectional': expect.stringContaining('which is not shared'),
      'folder-host-to-task': { taskSees: 'of-the-machine', machineSees: false },
      'folder-bidirectional': expect.stringContaining("same mount as the task's directory"),
    });
  });
});
