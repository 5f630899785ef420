/** What an agent has been told, read and checked as a whole, and what of it is different the next time it is read. */
import { AGENT_KEYS } from './agent-keys.ts';
import { withFile } from './agent-file.ts';
import { limitsOf } from './agent-limits.ts';
import type { AgentCommand, AgentOptions } from './agent-options.ts';
import { wishedDrivers, type WishedDrivers } from './driver-options.ts';
import { httpWish, type HttpWish } from './http-option.ts';
import type { AgentLimits } from './keep-serving.ts';
import { wishedSinks } from './sinks-option.ts';
import { grpcPlace, type GrpcPlace } from './serve-others.ts';

export interface AgentSettings extends WishedDrivers {
  readonly options: AgentCommand;
  readonly limits: AgentLimits;
  /** Undefined: there is no HTTP service. */
  readonly http: HttpWish | undefined;
  /** Undefined: no other machine is served. */
  readonly grpc: GrpcPlace | undefined;
}

/** Nothing is opened or changed. Errors: those of what it reads. */
export async function readSettings(command: AgentCommand): Promise<AgentSettings> {
  const options = await withFile(command);
  const { grpc: listen, grpcCa: ca, grpcCert: cert, grpcKey: key } = options;
  const [drivers, http, grpc] = await Promise.all([
    wishedDrivers(options),
    httpWish(options),
    grpcPlace({ listen, ca, cert, key }),
  ]);
  const { driverPlugins } = drivers;
  const limits = { ...limitsOf(options), driverPlugins, ...(await sinksOf(options)) };
  return { options, ...drivers, limits, http, grpc };
}

async function sinksOf(options: AgentOptions): Promise<Pick<AgentLimits, 'sinks'>> {
  const { sinks, sinkList } = options;
  if (sinks !== undefined) return wishedSinks(sinks);
  if (sinkList === undefined) return {};
  const { readSinks } = await import('../spec/read-sinks.ts');
  return { sinks: readSinks(sinkList) };
}

export interface Changes {
  /** Keys of the configuration file. */
  readonly changed: readonly string[];
  /** Those that count when the agent is started again. */
  readonly needRestart: readonly string[];
  /** The settings from now on: `before`, with what may change while it runs. */
  readonly settings: AgentSettings;
}

export function changesOf(before: AgentSettings, after: AgentSettings): Changes {
  const differing = names().filter((name) => isOther(name, before, after));
  // Another place is another service: what belongs to it comes with it.
  const moved = (['http', 'grpc'] as const).filter((name) => differing.includes(name));
  const isLive = (name: keyof AgentOptions): boolean =>
    AGENT_KEYS[name].isLive === true && !moved.some((service) => name.startsWith(service));
  const live = differing.filter(isLive);
  const options = { ...before.options };
  for (const name of live) Object.assign(options, { [name]: after.options[name] });
  const keys = (of: readonly (keyof AgentOptions)[]) => [
    ...new Set(of.map((name) => AGENT_KEYS[name].key)),
  ];
  return {
    changed: keys(live),
    needRestart: keys(differing.filter((name) => !isLive(name))),
    settings: {
      ...before,
      options,
      limits: adjusted(before.limits, limitsOf(options)),
      http: moved.includes('http') ? before.http : after.http,
      grpc: moved.includes('grpc') ? before.grpc : after.grpc,
    },
  };
}

/** What is left out counts as by default, and not as before. */
function adjusted(
  { retention: _retention, diskFloorBytes: _floor, ...before }: AgentLimits,
  { retention, diskFloorBytes }: AgentLimits,
): AgentLimits {
  return {
    ...before,
    ...(retention === undefined ? {} : { retention }),
    ...(diskFloorBytes === undefined ? {} : { diskFloorBytes }),
  };
}

function names(): readonly (keyof AgentOptions)[] {
  return Object.keys(AGENT_KEYS) as (keyof AgentOptions)[];
}

/** Of files what is in them counts, not where they are. */
function isOther(name: keyof AgentOptions, before: AgentSettings, after: AgentSettings): boolean {
  const of = (settings: AgentSettings): unknown => {
    const { options, http, grpc, written } = settings;
    switch (name) {
      case 'httpCert':
        return http?.tls?.cert;
      case 'httpKey':
        return http?.tls?.key;
      case 'grpcCa':
        return grpc?.tls.ca;
      case 'grpcCert':
        return grpc?.tls.cert;
      case 'grpcKey':
        return grpc?.tls.key;
      case 'sinks':
      case 'sinkList':
        return settings.limits.sinks;
      case 'drivers':
      case 'driverOptions':
        return written;
      default:
        return options[name];
    }
  };
  return JSON.stringify(of(before)) !== JSON.stringify(of(after));
}
