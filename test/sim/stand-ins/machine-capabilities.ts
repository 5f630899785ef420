/** Stands in for `src/os/machine-capabilities.ts`: the simulated machine has no programs that could be asked. */
export async function machineCapabilities(): Promise<readonly never[]> {
  return [];
}

export function assertCapability(): void {}

export async function requireCapability(): Promise<void> {}
