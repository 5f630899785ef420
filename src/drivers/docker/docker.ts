/** `docker`: a task is a container of an engine that speaks Docker's API. Little is loaded before the first one. */
import { existsSync } from 'node:fs';
import { messageOf } from '../../errors.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Clock } from '../../ports.ts';
import type { Driver, Fingerprint } from '../driver.ts';
import type { UsageQuery } from '../usage.ts';
import type { DriverAgent, DriverAttachment } from '../driver-agent.ts';
import { checkDockerConfig, checkDockerTask } from './check-task.ts';
import { readDockerConfig } from './config.ts';
import { portMapEnv } from './container-body.ts';
import type { ContainerRuns } from './container-runs.ts';
import { leftoverSweeps } from './leftover-sweep.ts';
import { type DockerDriverOptions, type DockerOptions, readDockerOptions } from './options.ts';

/** Where the calls of an engine come from: another one for tests. */
export type OpenEngine = (place: Pick<DockerOptions, 'endpoint' | 'tls'>) => Promise<Engine>;

const openDocker: OpenEngine = async (place) =>
  (await import('../../engine/docker-engine.ts')).dockerEngine(place);

/** Throws USAGE with `details.issues` for options that make no sense. */
export function docker(written: DockerDriverOptions = {}, openEngine = openDocker): Driver {
  const options = readDockerOptions(written);
  /** What this very agent started or adopted. */
  const own = new Set<string>();
  const sweeps = leftoverSweeps(options.gc);
  let opened: Promise<Engine> | undefined;
  const engine = (): Promise<Engine> => (opened ??= openEngine(options));
  const { runs, attach } = lazyRuns(engine, options, sweeps);
  return {
    name: 'docker',
    apiVersion: 1,
    mounts: 'all',
    // An engine that hangs must not hold up an agent that has other tasks to find again.
    firstPrint: 'later',
    attach,
    async fingerprint() {
      const print = await fingerprint(engine, options);
      if (print.health === 'healthy') sweeps.begin(await engine());
      return print;
    },
    checkConfig: (config) => checkDockerConfig(readDockerConfig(config), options),
    checkTask: (task) => checkDockerTask(task, readDockerConfig(task.config)),
    // A name is one of the image's, and of no account here.
    userOf: ({ user }) => (user !== undefined && /^\d+(?::\d+)?$/.test(user) ? user : undefined),
    rootOf: () => 'task',
    ownEnv: async ({ config }) => ({ env: portMapEnv(readDockerConfig(config)) }),
    inspect: async (run, doors) => (await runs()).inspect(run, doors),
    async start(run, doors, signal) {
      const outcome = await (await runs()).start(run, doors, signal);
      if (outcome.kind === 'started') own.add(run.launchKey);
      return outcome;
    },
    isOwn: ({ launchKey }) => own.has(launchKey),
    async adopt(run, doors) {
      const isLiving = await (await runs()).adopt(run, doors);
      if (isLiving) own.add(run.launchKey);
      return isLiving;
    },
    wait: async (run, doors, signal) => (await runs()).wait(run, doors, signal),
    stop: async (run, plan, doors, signal) => (await runs()).stop(run, plan, doors, signal),
    signal: async (run, signal, doors) => (await runs()).signal(run, signal, doors),
    async release(run, doors) {
      own.delete(run.launchKey);
      await (await runs()).release(run, doors);
    },
    cleanUp: async (things, of, doors) => (await runs()).cleanUp(things, of, doors),
    openSession: sessionsOf(engine, options),
    stats: (launchKey, query) => usageOf(engine, launchKey, query),
  };
}

function sessionsOf(
  engine: () => Promise<Engine>,
  options: DockerOptions,
): NonNullable<Driver['openSession']> {
  return async (run, wish, { sessions }) => {
    const { openContainerSession } = await import('./container-command.ts');
    await openContainerSession({ engine: await engine(), options }, run, wish, sessions);
  };
}

async function* usageOf(engine: () => Promise<Engine>, launchKey: string, query: UsageQuery) {
  const { containerUsage } = await import('./container-usage.ts');
  yield* containerUsage(await engine(), launchKey, query);
}

/** Runs are loaded with the first one that is asked for; their images are looked after while an agent is there. */
function lazyRuns(
  engine: () => Promise<Engine>,
  options: DockerOptions,
  sweeps: ReturnType<typeof leftoverSweeps>,
) {
  let loaded: Promise<ContainerRuns> | undefined;
  let clock: Clock | undefined;
  const load = async (): Promise<ContainerRuns> => {
    const { ContainerRuns } = await import('./container-runs.ts');
    const runs = new ContainerRuns(await engine(), options);
    if (clock !== undefined) runs.images.begin(clock);
    return runs;
  };
  return {
    runs: (): Promise<ContainerRuns> => (loaded ??= load()),
    attach: (agent: DriverAgent): DriverAttachment => {
      clock = agent.clock;
      const sweep = sweeps.attach(agent);
      return {
        async close() {
          clock = undefined;
          await sweep.close();
          (await loaded)?.images.end();
        },
      };
    },
  };
}

/** Where there is no socket there is no engine, and nothing is loaded to find out. */
async function fingerprint(
  engine: () => Promise<Engine>,
  options: DockerOptions,
): Promise<Fingerprint> {
  const { endpoint } = options;
  const path = /^unix:\/\/(.+)$/.exec(endpoint)?.[1];
  if (path !== undefined && !existsSync(path)) {
    return { health: 'undetected', message: `there is no ${path}`, attributes: {} };
  }
  try {
    const { version, apiVersion, os } = await (await engine()).version();
    const { runtimes, bridgeIp } = await (await engine()).info();
    const attributes = {
      'driver.docker': '1',
      'driver.docker.version': version,
      'driver.docker.apiVersion': apiVersion,
      'driver.docker.osType': os,
      'driver.docker.runtimes': runtimes.join(','),
      ...(bridgeIp !== undefined && { 'driver.docker.bridgeIp': bridgeIp }),
      'driver.docker.privileged.enabled': String(options.isPrivilegedAllowed),
      'driver.docker.volumes.enabled': String(options.volumes.isEnabled),
    };
    return { health: 'healthy', message: 'Healthy', attributes };
  } catch (error) {
    const message = `the engine does not answer: ${messageOf(error)}`;
    return { health: 'unhealthy', message, attributes: {} };
  }
}
