/** Stands in for `src/os/memory-dir.ts`: no directory of this machine is in memory. */

export function mountMemory(path: string): void {
  throw new Error(`nothing is mounted on ${path} here`);
}

export function unmountMemory(): void {}

export function whyNoMemoryDirs(): string {
  return 'the simulated machine has none';
}
