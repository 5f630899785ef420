/**
 * What really happened, told by the world and never by an agent: which programs ran, how they ended, what they wrote,
 * who was signalled. The invariants compare the log with it.
 */
import type { Process } from './world/processes.ts';

/** One program of one run, as it really was. */
export interface Launch {
  readonly launchKey: string;
  readonly allocId: string;
  readonly task: string;
  readonly run: number;
  readonly pid: number;
  readonly atMs: number;
  readonly process: Process;
  end:
    | { readonly code: number | null; readonly signal: string | null; readonly atMs: number }
    | undefined;
  /** How many numbered lines it has written. */
  lines: number;
}

/** One command beside a program, from the moment on in which its process is there. */
export interface CommandEntry {
  readonly session: string;
  readonly launchKey: string;
  /** Who started it, and counts it. */
  readonly host: Process;
  readonly process: Process;
  readonly hasTerminal: boolean;
  /** Everything that it wrote; with a terminal all of it is stdout. */
  readonly written: { stdout: string; stderr: string };
  end:
    | { readonly code: number | null; readonly signal: string | null; readonly atMs: number }
    | undefined;
}

export interface Wound {
  readonly launchKey: string;
  readonly what: string;
}

export class Ledger {
  readonly launches: Launch[] = [];
  readonly byKey = new Map<string, Launch[]>();
  /** Runs to which something was done that may cost an exit status. */
  readonly wounds = new Map<string, string>();
  /** Processes that are a run's: the program and what it left behind. */
  readonly members = new Map<string, Set<Process>>();
  /** By session: each has one, unless something is wrong. */
  readonly commands = new Map<string, CommandEntry[]>();
  /** Commands beside a run, and what they left behind. */
  readonly beside = new Map<string, Set<Process>>();
  /** Logmon hosts that were ended by a signal. */
  endedCollectors = 0;
  /** Lines that reached the output files, by task key. */
  readonly output = new Map<string, string[]>();

  launch(launch: Launch): void {
    this.launches.push(launch);
    this.byKey.set(launch.launchKey, [...(this.byKey.get(launch.launchKey) ?? []), launch]);
    this.join(launch.launchKey, launch.process);
  }

  join(launchKey: string, process: Process): void {
    const members = this.members.get(launchKey) ?? new Set();
    members.add(process);
    this.members.set(launchKey, members);
  }

  command(entry: CommandEntry): void {
    const { session, launchKey, process } = entry;
    this.commands.set(session, [...(this.commands.get(session) ?? []), entry]);
    this.joinCommand(launchKey, process);
  }

  joinCommand(launchKey: string, process: Process): void {
    const beside = this.beside.get(launchKey) ?? new Set();
    beside.add(process);
    this.beside.set(launchKey, beside);
  }

  wound(launchKey: string, what: string): void {
    if (!this.wounds.has(launchKey)) this.wounds.set(launchKey, what);
  }

  /** Living commands beside a run, and what they left behind. */
  besideOf(launchKey: string): readonly Process[] {
    return [...(this.beside.get(launchKey) ?? [])].filter((one) => !one.isDead);
  }

  /** Living processes of a run. */
  livingOf(launchKey: string): readonly Process[] {
    return [...(this.members.get(launchKey) ?? [])].filter((one) => !one.isDead);
  }
}
