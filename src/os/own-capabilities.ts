/** Which capabilities(7) this process can hand to others. */
import { readFileSync } from 'node:fs';

/** In the order of their bits. */
export const CAPABILITY_BITS = [
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP',
  'LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER',
  'SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE',
  'SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP',
  'MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF',
  'CHECKPOINT_RESTORE',
].flatMap((line) => line.split(' ').map((name) => `CAP_${name}`));

/** The five sets of a process, from the text of /proc/<pid>/status: `CapBnd` … to names in the order of their bits. */
export function capabilitySets(status: string): ReadonlyMap<string, readonly string[]> {
  const sets = new Map<string, readonly string[]>();
  for (const [, set = '', hex = ''] of status.matchAll(/^(Cap\w+):\s*([0-9a-f]+)$/gm)) {
    const bits = BigInt(`0x${hex}`);
    const isIn = (_name: string, bit: number): boolean => ((bits >> BigInt(bit)) & 1n) === 1n;
    sets.set(set, CAPABILITY_BITS.filter(isIn));
  }
  return sets;
}

/** What is both permitted and in the bounding set: everything else the kernel refuses to hand on. */
export function ownCapabilities(): readonly string[] {
  const sets = capabilitySets(readFileSync('/proc/self/status', 'latin1'));
  const permitted = new Set(sets.get('CapPrm'));
  return (sets.get('CapBnd') ?? []).filter((name) => permitted.has(name));
}
