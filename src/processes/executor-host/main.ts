import { executorMethods } from '../../rpc/executor-methods.ts';
import { framedService } from '../../rpc/framed-server.ts';
import { runHost } from '../../rpc/host-main.ts';
import { installShim } from './launch.ts';
import { EXECUTOR_PROTOCOL, ExecutorHost, executorHandlers } from './service.ts';
import { SHIM_TEXT } from './shim.ts';

await runHost('executor', EXECUTOR_PROTOCOL, (context) => {
  const host = new ExecutorHost(context, {
    shell: '/bin/sh',
    script: installShim(context.stateDir, fingerprint(SHIM_TEXT)),
    instanceId: context.instanceId,
    machineEpoch: context.machineEpoch,
  });
  return {
    ...framedService(executorMethods, executorHandlers(host)),
    busyWith: () => host.busyWith(),
  };
});

/** FNV-1a, 32 bits: tells our own texts apart. OpenSSL would cost every host 1 MB of private memory. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
