import { createHash } from 'node:crypto';
import { ExecutorServiceService } from '../../rpc/gen/holdfast/executor/v1/executor.ts';
import { runHost } from '../../rpc/host-main.ts';
import { installShim } from './launch.ts';
import { EXECUTOR_PROTOCOL, ExecutorHost, executorHandlers } from './service.ts';
import { SHIM_TEXT } from './shim.ts';

await runHost('executor', EXECUTOR_PROTOCOL, (context) => {
  const textHash = createHash('sha256').update(SHIM_TEXT).digest('hex').slice(0, 8);
  const host = new ExecutorHost(context, {
    shell: '/bin/sh',
    script: installShim(context.stateDir, textHash),
    instanceId: context.instanceId,
    machineEpoch: context.machineEpoch,
  });
  return {
    definition: ExecutorServiceService,
    handlers: executorHandlers(host),
    busyWith: () => host.busyWith(),
  };
});
