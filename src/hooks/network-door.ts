/** What the hook of the network asks of the agent. Plain values, as everything that hooks see. */

/** The network that the tasks of the alloc share. */
export interface NetworkDoor {
  /** As it is from now on; the same for every task. Errors: START_RETRYABLE, CAPABILITY_MISSING. */
  ensure(): Promise<SharedNetwork>;
  /**
   * A TCP socket of IPv4 in that network, not connected, as a descriptor that the caller closes; undefined where it is
   * the machine's. Errors: UNAVAILABLE.
   */
  openSocket(): number | undefined;
}

export interface SharedNetwork {
  /** Absolute path; undefined: the machine's own. */
  readonly namespace: string | undefined;
  /** Left out where there is nothing but `lo`. */
  readonly places?: {
    readonly interface: string;
    readonly ip: string;
    readonly gateway?: string;
  };
  readonly files: NetworkFiles;
}

/** Where tasks that have a root of their own are to find which file of the agent's, by absolute path. */
export type NetworkFiles = Readonly<Record<string, string>>;
