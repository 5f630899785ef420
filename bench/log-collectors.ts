/** What brings output from FIFOs into files: a logmon host, and two that people would use without one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { makeFifo } from '../src/os/libc.ts';
import { call } from '../src/rpc/framed-client.ts';
import { logmonMethods as Logmon } from '../src/rpc/logmon-methods.ts';
import { type Host, spawnHost } from '../src/rpc/spawn-host.ts';

const MAX_FILE_BYTES = 10_485_760;

/** Something that moves FIFOs into files below `out`. */
export interface Collector {
  readonly name: string;
  start(dir: string, fifos: readonly string[]): Promise<Running>;
}

export interface Running {
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** What a collector of one process for each FIFO, or one for all, leaves behind: `<fifo>.copy`. */
function plainCollector(
  name: string,
  spawnFor: (fifos: readonly string[]) => ChildProcess[],
): Collector {
  return {
    name,
    async start(_dir, fifos) {
      const children = spawnFor(fifos);
      // Until they have opened their files: a start of Node is not what is measured.
      while (!fifos.every((fifo) => statSync(`${fifo}.copy`, { throwIfNoEntry: false })))
        await setTimeout(5);
      await setTimeout(100);
      return {
        pids: children.flatMap(({ pid }) => (pid === undefined ? [] : [pid])),
        async stop() {
          for (const child of children) child.kill('SIGKILL');
        },
      };
    },
  };
}

export const cat = plainCollector('cat', (fifos) =>
  fifos.map((fifo) =>
    spawn('sh', ['-c', 'exec cat "$1" > "$1.copy"', 'cat', fifo], { stdio: 'ignore' }),
  ),
);

export const readLoop = plainCollector('Node read loop', (fifos) => [
  spawn(process.execPath, [fileURLToPath(new URL('./read-loop.ts', import.meta.url)), ...fifos], {
    stdio: 'inherit',
  }),
]);

export const holdfast: Collector = {
  name: 'holdfast',
  async start(dir, fifos) {
    const host = await spawnHost({
      stateDir: dir,
      kind: 'logmon',
      hostId: 'bench',
      instanceId: 'bench',
      agentEpoch: 1,
    });
    for (const fifo of fifos) await collect(host, dir, fifo);
    return {
      pids: [host.address.pid],
      async stop() {
        host.channel.close();
        process.kill(host.address.pid, 'SIGKILL');
        // Until it is reaped its files are open, and the directory cannot be removed as a whole.
        await setTimeout(50);
      },
    };
  },
};

/** Each FIFO is the stdout of a task; its stderr is never written to. */
async function collect(host: Host, dir: string, fifo: string): Promise<void> {
  makeFifo(`${fifo}.err`);
  const taskKey = fifo.slice(dir.length + 1);
  const files = {
    logDir: dir,
    fileStem: taskKey,
    maxFiles: 100_000,
    maxFileBytes: MAX_FILE_BYTES,
    run: 1,
    compress: false,
    dropWhenFull: false,
    budgetBytes: 5 * 2 ** 30,
    logsRoot: dir,
  };
  await call(host.channel, Logmon.collect, {
    agentEpoch: 1,
    taskKey,
    stdoutFifo: fifo,
    stderrFifo: `${fifo}.err`,
    ...files,
  });
}
