/** What an agent may be told, by options of the command, by a file or by both: where both speak, the options hold. */
import type { AgentLimits } from './keep-serving.ts';
import type { DriverWishes } from './driver-options.ts';
import type { HttpOptions } from './http-option.ts';
import type { LogLevel } from './agent-log.ts';

export interface AgentOptions extends HttpOptions, DriverWishes {
  readonly dataDir?: string;
  /** Default info. */
  readonly logLevel?: LogLevel;
  /** MiB. */
  readonly diskFloor?: number;
  readonly keepFinished?: number;
  /** Milliseconds. */
  readonly keepFinishedFor?: number;
  /** Percent. */
  readonly maxDisk?: number;
  readonly maxInodes?: number;
  /** Bytes. */
  readonly logBudget?: number;
  /** As `node-option.ts` reads them. */
  readonly node?: AgentLimits['node'];
  /** As `network-option.ts` reads them. */
  readonly network?: AgentLimits['network'];
  readonly denyHostEnv?: readonly string[];
  readonly artifactRoot?: readonly string[];
  /** Bytes. */
  readonly artifactLimit?: number;
  readonly insecureArtifacts?: boolean;
  readonly secretEnv?: readonly string[];
  readonly secretRoot?: readonly string[];
  readonly secretCommand?: readonly string[];
  readonly templateRoot?: readonly string[];
  readonly templateKeys?: string;
  /** `host:port` for other machines, and the certificates that go with it. */
  readonly grpc?: string;
  readonly grpcCa?: string;
  readonly grpcCert?: string;
  readonly grpcKey?: string;
  /** Members of this group of the machine may use the socket. */
  readonly socketGroup?: string;
  /** A file. */
  readonly sinks?: string;
  /** Sinks themselves; count where no file of their own is named. */
  readonly sinkList?: NonNullable<AgentLimits['sinks']>;
  /** False: none is made. */
  readonly cgroups?: boolean;
}

/** The command's own. */
export interface AgentCommand extends AgentOptions {
  /** A file in YAML or JSON. */
  readonly config?: string;
  /** Only say whether an agent would begin with all this. */
  readonly checkConfig?: boolean;
  /** `run` started it, and reads from its log why it ended. */
  readonly background?: boolean;
}
