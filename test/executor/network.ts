/** Programs in a network of their own: what listens there is reached from there and from nowhere else. */
import { ExecRig, sh } from '../drivers/exec-rig.ts';
import { until } from '../acceptance/rig.ts';
import type { Drill } from '../faults/drill.ts';

const LISTEN = `use IO::Socket::INET; $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => PORT,
  Listen => 5, ReuseAddr => 1) or die; while ($c = $s->accept) { print $c "here\\n"; close $c }`;
const ASK = `use IO::Socket::INET; $s = IO::Socket::INET->new("127.0.0.1:PORT") or exit 3; print <$s>`;

export const networkDrill: Drill = {
  name: 'network',
  promise: 'a program in a network namespace is reached from there and from nowhere else',
  tools: ['runc', 'conmon', 'ip', 'nsenter', 'perl'],
  privileges: ['root', 'network namespaces'],
  cases: { share: 2, full: 40 },
  async run(findings, cases) {
    const rig = new ExecRig();
    const name = `hf-drill-${process.pid}`;
    const path = `/run/netns/${name}`;
    sh(`ip netns add ${name} && ip -n ${name} link set lo up`);
    try {
      for (let index = 0; index < cases; index += 1) {
        const executor = index % 2 === 0 ? 'universal' : 'isolated';
        await findings.attempt(`${executor} ${index}`, async () => {
          const port = findings.between(20_000, 30_000);
          const seen = await reach(rig, executor, port, path);
          if (seen !== 'inside: here, outside: nobody') throw new Error(seen);
          findings.count(executor);
        });
      }
      const seen = await reach(rig, 'universal', findings.between(20_000, 30_000), undefined);
      const isCaught = seen !== 'inside: here, outside: nobody';
      findings.control('a program in the network of the machine', isCaught, seen);
    } finally {
      await rig.end();
      sh(`ip netns del ${name}`);
    }
  },
};

/** Who answers in the namespace and outside of it. Without a namespace both are the machine. */
async function reach(
  rig: ExecRig,
  executor: string,
  port: number,
  networkNamespace: string | undefined,
): Promise<string> {
  const orchestrator = await rig.orchestrator();
  const args = ['-e', LISTEN.replace('PORT', String(port))];
  const config = { command: 'perl', args, executor, ...(networkNamespace && { networkNamespace }) };
  const alloc = await orchestrator.run(rig.group('', { config, killTimeout: '200ms' }));
  const ask = `perl -e '${ASK.replace('PORT', String(port))}' || echo nobody`;
  const inside = networkNamespace ? `nsenter --net=${networkNamespace} ` : '';
  try {
    await until(`${port} answers`, () => sh(`${inside}${ask}`).trim() === 'here');
    return `inside: ${sh(`${inside}${ask}`).trim()}, outside: ${sh(ask).trim()}`;
  } finally {
    await alloc.stop();
  }
}
