/** Each option of an agent, where a configuration file says the same, and what may change while an agent runs. */
import type { AgentOptions } from './agent-options.ts';

interface Key {
  /** Its path in a configuration file. */
  readonly key: string;
  /** SIGHUP is enough; else the agent has to be started again, which its tasks do not notice. */
  readonly isLive?: true;
}

const live = (key: string): Key => ({ key, isLive: true });

/** By the name that the command's parser gives the option. */
export const AGENT_KEYS: Readonly<Record<keyof AgentOptions, Key>> = {
  dataDir: { key: 'dataDir' },
  logLevel: live('logLevel'),
  socketGroup: { key: 'socketGroup' },
  driver: { key: 'drivers' },
  drivers: { key: 'drivers' },
  driverOptions: { key: 'drivers' },
  onlyDriver: { key: 'onlyDrivers' },
  driverPlugin: { key: 'driverPlugins' },
  sinks: { key: 'sinks' },
  sinkList: { key: 'sinks' },
  cgroups: { key: 'cgroups' },
  diskFloor: live('diskFloor'),
  logBudget: { key: 'logBudget' },
  keepFinished: live('keepFinished'),
  keepFinishedFor: live('keepFinishedFor'),
  maxDisk: live('maxDisk'),
  maxInodes: live('maxInodes'),
  node: { key: 'node' },
  network: { key: 'network' },
  denyHostEnv: { key: 'denyHostEnv' },
  artifactRoot: { key: 'artifacts.roots' },
  artifactLimit: { key: 'artifacts.limit' },
  insecureArtifacts: { key: 'artifacts.insecure' },
  secretEnv: { key: 'secrets.env' },
  secretRoot: { key: 'secrets.roots' },
  secretCommand: { key: 'secrets.commands' },
  templateRoot: { key: 'templates.roots' },
  templateKeys: { key: 'templates.keys' },
  http: { key: 'http.listen' },
  httpCert: live('http.cert'),
  httpKey: live('http.key'),
  httpHost: live('http.hosts'),
  isolatedDriver: live('http.isolatedDrivers'),
  grpc: { key: 'grpc.listen' },
  grpcCa: live('grpc.ca'),
  grpcCert: live('grpc.cert'),
  grpcKey: live('grpc.key'),
};
