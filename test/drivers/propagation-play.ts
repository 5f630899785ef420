/**
 * Run in a mount namespace of its own (`unshare --mount`): mounts on a shared place while tasks have it mounted, has
 * the tasks mount on it too, and prints who saw what of whom, as one line of JSON.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exec } from '../../src/drivers/exec.ts';
import { until } from '../processes/host-rig.ts';
import { ExecRig, sh } from './exec-rig.ts';

const SCRIPT = `
  while [ ! -e /local/go ]; do sleep 0.02; done
  ls /volume/late /other/late | grep of-the >/local/seen
  mkdir /volume/mine && mount -t tmpfs none /volume/mine && touch /volume/mine/of-the-task
  touch /local/done
  while [ ! -e /local/end ]; do sleep 0.02; done`;

type Propagation = 'private' | 'host-to-task' | 'bidirectional';

const rig = new ExecRig([exec({ allowCapabilities: ['all'] })]);
const place = mkdtempSync(join(tmpdir(), 'hf-shared-'));
const seen: Record<string, { taskSees: string; machineSees: boolean } | string> = {};

async function play(propagation: Propagation, name: string, source: string): Promise<void> {
  const other = shared(`${name}-other`);
  const orchestrator = await rig.orchestrator();
  const alloc = await orchestrator.run(
    rig.group(SCRIPT, {
      user: 'root',
      config: { capAdd: ['sys_admin'] },
      mounts: [
        { type: 'bind', source, destination: '/volume', propagation },
        // Beside the strongest of them this one stays what it is.
        { type: 'bind', source: other, destination: '/other', propagation: 'private' },
      ],
    }),
  );
  const local = join(rig.dataDir, 'allocs', alloc.allocId, 'main', 'local');
  await untilRunning(() => alloc.task('main').view());
  for (const one of [source, other]) {
    sh(`mount -t tmpfs none ${one}/late && touch ${one}/late/of-the-machine`);
  }
  writeFileSync(join(local, 'go'), '');
  await until(() => existsSync(join(local, 'done')));
  seen[name] = {
    taskSees: readFileSync(join(local, 'seen'), 'utf8').trim(),
    machineSees: existsSync(join(source, 'mine', 'of-the-task')),
  };
  writeFileSync(join(local, 'end'), '');
  await alloc.wait();
}

/** A mount of its own, made shared. */
function shared(name: string): string {
  const source = join(place, name);
  mkdirSync(source);
  sh(`mount -t tmpfs none ${source} && mount --make-shared ${source} && mkdir ${source}/late`);
  return source;
}

async function untilRunning(look: () => Promise<{ state: string }>): Promise<void> {
  for (let tries = 0; (await look()).state !== 'running'; tries += 1) {
    if (tries > 600) throw new Error('never ran');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function refused(propagation: Propagation, source: string): Promise<string> {
  const mounts = [{ type: 'bind' as const, source, destination: '/volume', propagation }];
  return (await rig.ran('true', { mounts })).view.reason;
}

try {
  for (const one of ['private', 'host-to-task', 'bidirectional'] as const) {
    await play(one, one, shared(one));
  }
  // What nobody made shared passes nothing on, which must be said.
  const plain = join(place, 'plain');
  mkdirSync(plain);
  sh(`mount -t tmpfs none ${plain} && mount --make-private ${plain}`);
  for (const one of ['host-to-task', 'bidirectional'] as const) {
    seen[`plain ${one}`] = await refused(one, plain);
  }
  // As systemd has it: everything is shared, and the volume is on the mount that the data directory is on.
  sh('mount --make-rshared /');
  const folder = join(place, 'folder');
  mkdirSync(join(folder, 'late'), { recursive: true });
  await play('host-to-task', 'folder-host-to-task', folder);
  seen['folder-bidirectional'] = await refused('bidirectional', folder);
  process.stdout.write(`${JSON.stringify(seen)}\n`);
} finally {
  await rig.end();
  sh(`grep -o ' ${place}/[^ ]*' /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l`);
  rmSync(place, { recursive: true });
}
