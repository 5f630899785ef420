/** Stands in for `src/rpc/host-process.ts`: a child that is a host was started as one. */
import { theWorld } from '../world/world.ts';

export function isOwnHost(pid: number): boolean {
  return theWorld().processes.find(pid)?.kind.endsWith(' host') === true;
}
