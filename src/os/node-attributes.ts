/** What is known of this machine, under the names of Nomad's node attributes. Looked up once for a process. */
import { arch, type CpuInfo, cpus, hostname, release, totalmem, version } from 'node:os';
import { textOf } from './quiet-reads.ts';

let ofThisMachine: Readonly<Record<string, string>> | undefined;

export function nodeAttributes(): Readonly<Record<string, string>> {
  ofThisMachine ??= look();
  return ofThisMachine;
}

/** MHz at most; undefined when the machine does not tell, as many virtual ones do not. */
export function coreMhz(): number | undefined {
  const told = nodeAttributes()['cpu.frequency'];
  return told === undefined ? undefined : Number(told);
}

function frequency(cores: readonly CpuInfo[]): string | undefined {
  const kilohertz = Number(textOf('/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq'));
  if (kilohertz > 0) return String(Math.round(kilohertz / 1_000));
  const speed = cores[0]?.speed ?? 0;
  return speed > 0 ? String(speed) : undefined;
}

/** Go's names, which Nomad has. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

function look(): Readonly<Record<string, string>> {
  const cores = cpus();
  const system = osRelease(textOf('/etc/os-release'));
  const all: Readonly<Record<string, string | undefined>> = {
    'kernel.name': 'linux',
    'kernel.version': release(),
    'kernel.build': version(),
    'kernel.arch': arch() === 'x64' ? 'x86_64' : arch(),
    'os.name': system['ID'],
    'os.version': system['VERSION_ID'],
    'cpu.arch': ARCHITECTURES[arch()] ?? arch(),
    'cpu.numcores': String(cores.length),
    'cpu.modelname': cores[0]?.model,
    'cpu.frequency': frequency(cores),
    'memory.totalbytes': String(totalmem()),
    'unique.hostname': hostname(),
  };
  const known = Object.entries(all).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return Object.fromEntries(known);
}

/** The lines of os-release(5); quotes are taken off, what else a shell would do with them is not needed for names. */
function osRelease(text: string): Readonly<Record<string, string>> {
  const lines = text.split('\n').map((line) => /^([A-Z_]+)=(["']?)(.*)\2$/.exec(line));
  return Object.fromEntries(
    lines.flatMap((line) => (line === null ? [] : [[line[1] as string, line[3] as string]])),
  );
}
