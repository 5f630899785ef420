/** Output of tasks that are containers, as users read it, whatever is killed on its way. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { docker } from '../../src/drivers/docker/docker.ts';
import { ExecRig } from '../drivers/exec-rig.ts';
import { EngineRig, IMAGE, whyNoEngine } from './engine-rig.ts';
import { killHosts } from './kill-hosts.ts';

const missing = whyNoEngine();

describe.skipIf(missing !== undefined)(`tasks that are containers ${missing ?? ''}`, () => {
  let engine: EngineRig;

  beforeAll(async () => {
    engine = await EngineRig.open();
  });
  afterAll(() => engine.close());

  function agent(): ExecRig {
    const rig = new ExecRig([docker({ endpoint: engine.endpoint })]);
    onTestFinished(() => rig.end());
    return rig;
  }

  it('have their output where that of every task is, each run of it', async () => {
    const rig = agent();
    const { view, stdout, stderr } = await rig.ran('seq 1 5000; seq 1 3000 >&2; exit 3', {
      driver: 'docker',
      config: { image: IMAGE },
    });
    expect(view).toMatchObject({ exitCode: 3 });
    expect(stdout).toBe(numbers(5_000));
    expect(stderr).toBe(numbers(3_000));
  });

  it('lose and repeat nothing of it when hosts and agents are replaced', async () => {
    const rig = agent();
    const orchestrator = await rig.orchestrator();
    const block = 'seq $((k * 50 + 1)) $(((k + 1) * 50))';
    const script = `k=0; while [ $k -lt 600 ]; do ${block}; usleep 10000; k=$((k+1)); done; echo`;
    const spec = rig.group(script, { driver: 'docker', config: { image: IMAGE } });
    const { allocId } = await orchestrator.run(spec);
    const kinds = ['docker-logger', 'logmon', 'docker-logger'] as const;
    for (const [round, kind] of kinds.entries()) {
      await delay(700);
      killHosts(rig.dataDir, kind);
      if (round !== 1) continue;
      await orchestrator.close({ tasks: 'leave' });
      await rig.close();
      killHosts(rig.dataDir, 'docker-logger');
      await rig.orchestrator();
    }
    const again = await rig.orchestrator();
    const alloc = await again.alloc(allocId);
    await alloc.wait();
    const chunks: Uint8Array[] = [];
    for await (const { data } of alloc.task('main').logs({ stream: 'stdout' })) chunks.push(data);
    expect(Buffer.concat(chunks).toString()).toBe(`${numbers(30_000)}\n`);
  });
});

function numbers(most: number): string {
  return Array.from({ length: most }, (_, i) => `${i + 1}\n`).join('');
}
