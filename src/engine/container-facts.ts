/** What an engine answers about containers, in our words. */
import type { ContainerEntry, ContainerFacts } from './engine.ts';
import { type Json, textOf } from './engine-json.ts';

/** Links of other containers are names too, behind one more slash. */
export function containerEntry({ Id, Names, Labels, State }: Json): ContainerEntry {
  const names = ((Names ?? []) as string[]).map((name) => name.replace(/^\//, ''));
  return {
    id: textOf(Id),
    name: names.find((name) => !name.includes('/')) ?? '',
    labels: (Labels ?? {}) as Readonly<Record<string, string>>,
    state: textOf(State),
  };
}

export function containerFacts(found: Json): ContainerFacts {
  const { Id, Image, State, Config, NetworkSettings } = found as {
    Id: string;
    Image: string;
    State: Readonly<Record<string, unknown>>;
    Config: {
      readonly Labels?: Readonly<Record<string, string>> | null;
      readonly StopSignal?: string;
      readonly Tty?: boolean;
      readonly Env?: readonly string[] | null;
      readonly WorkingDir?: string;
    };
    NetworkSettings?: {
      readonly Networks?: Readonly<
        Record<string, { readonly IPAddress?: string; readonly GlobalIPv6Address?: string }>
      > | null;
    };
  };
  const networks = Object.entries(NetworkSettings?.Networks ?? {}).map(
    ([name, { IPAddress: ip = '', GlobalIPv6Address: ip6 = '' }]) => [name, { ip, ip6 }] as const,
  );
  return {
    id: Id,
    imageId: Image,
    labels: Config.Labels ?? {},
    stopSignal: Config.StopSignal,
    isTty: Config.Tty === true,
    env: Object.fromEntries((Config.Env ?? []).map(pairOf)),
    workDir: Config.WorkingDir === undefined || Config.WorkingDir === '' ? '/' : Config.WorkingDir,
    networks: Object.fromEntries(networks),
    state: {
      status: textOf(State['Status']),
      pid: Number(State['Pid'] ?? 0),
      exitCode: Number(State['ExitCode'] ?? 0),
      oomKilled: State['OOMKilled'] === true,
      error: textOf(State['Error']),
      startedAt: timeOf(State['StartedAt']),
      finishedAt: timeOf(State['FinishedAt']),
    },
  };
}

function pairOf(text: string): readonly [name: string, value: string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** The engine says "never" by the year 1. */
function timeOf(text: unknown): number | undefined {
  const ms = Date.parse(textOf(text));
  return Number.isNaN(ms) || ms <= 0 ? undefined : ms;
}
