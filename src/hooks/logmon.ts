/**
 * Collects the task's output. The FIFOs are made once and shared by all runs of the task; the program never meets a
 * closed pipe, because the shim holds them open for reading and writing.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { wishOf } from './collect-wish.ts';
import { defineHook } from './hook.ts';

export const logmon = defineHook({
  name: 'logmon',
  when: (task) => task.logs.disabled !== true,
  async prestart(request, { logmon: collector, signal }) {
    mkdirSync(request.dirs.logs, { recursive: true, mode: 0o750 });
    // What is written from now on is of the run that is about to start.
    await collector.collect(wishOf({ ...request, run: request.run + 1 }), signal);
  },
  // A new agent does not run prestart for a program that runs already, and must know whom to stand by.
  async start(request, { logmon: collector, signal }) {
    await collector.resume(wishOf(request), signal);
  },
  async update(request, { logmon: collector, signal }) {
    await collector.resume(wishOf(request), signal);
  },
  async cleanup(request, { logmon: collector, signal }) {
    const { stdoutFifo, stderrFifo } = request.dirs;
    const wish = wishOf(request);
    if (!existsSync(stdoutFifo)) {
      // Removed here before, or by somebody else under a collector, which would read on for ever.
      return collector.release(wish.taskKey, signal).catch(() => signal.throwIfAborted());
    }
    // Collected first, so that what is still in the FIFOs reaches the files whatever happened before.
    try {
      await collector.collect(wish, signal);
      await collector.release(wish.taskKey, signal);
    } catch (error) {
      // Of a task that was never started there is nothing to collect, whatever became of the collector.
      if (request.run > 0) throw error;
    }
    // crash point: agent.fifos.remove
    // The one that is looked for goes last: an agent that dies in between is followed by one that begins again.
    rmSync(stderrFifo, { force: true });
    rmSync(stdoutFifo, { force: true });
  },
});
