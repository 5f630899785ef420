import { EXECUTOR_PROTOCOL, executorMethods } from '../../rpc/executor-methods.ts';
import { framedService } from '../../rpc/framed-server.ts';
import { runHost } from '../../rpc/host-main.ts';
import { sessionMethods } from '../../rpc/session-methods.ts';
import { installShim } from './install-shim.ts';
import { executorHandlers } from './fenced-calls.ts';
import { standIn } from './heir.ts';
import { ExecutorHost } from './service.ts';
import { sessionHandlers } from '../sessions/session-handlers.ts';
import { Sessions } from '../sessions/sessions.ts';
import { OwnCommands } from './sessions/own-commands.ts';
import { SHIM_TEXT } from './shim.ts';

await runHost('executor', EXECUTOR_PROTOCOL, (context) => {
  const { stateDir, machineEpoch } = context;
  const shell = '/bin/sh';
  const host = new ExecutorHost(context, {
    shell,
    ...installShim(stateDir, fingerprint(SHIM_TEXT)),
    instanceId: context.instanceId,
    machineEpoch,
  });
  const commands = new OwnCommands({
    shell,
    machineEpoch,
    livingRun: (launchKey) => host.livingRun(launchKey),
    children: host.sessionChildren,
  });
  const sessions = new Sessions(commands);
  standIn({ ...context, neglected: () => host.neglected() });
  const handlers = executorHandlers(host);
  const runs = framedService(executorMethods, {
    ...handlers,
    forget(request, signal) {
      sessions.forgetRun(request.launchKey);
      return handlers.forget(request, signal);
    },
  });
  const beside = framedService(sessionMethods, sessionHandlers(sessions, stateDir));
  return {
    routes: new Map([...runs.routes, ...beside.routes]),
    busyWith: () => host.busyWith() + sessions.living,
  };
});

/** FNV-1a, 32 bits: tells our own texts apart. OpenSSL would cost every host 1 MB of private memory. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
