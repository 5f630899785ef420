/** Holdfast inside a program: run a group, watch it to its end, read its output. An argument names the directory. */
import { openOrchestrator, rawExec } from '../src/index.ts';

const dataDir = process.argv[2] ?? 'holdfast-data';
await using orchestrator = await openOrchestrator({ dataDir, drivers: [rawExec()] });

const alloc = await orchestrator.run({
  name: 'greeter',
  type: 'batch',
  tasks: [
    { name: 'greet', driver: 'raw_exec', config: { command: 'echo', args: ['hello, world'] } },
  ],
});
for await (const event of alloc.events()) {
  console.log(event.position, event.task ?? event.alloc, event.type);
  if (event.type === 'AllocStopped') break;
}
for await (const { data } of alloc.task('greet').logs()) process.stdout.write(data);
