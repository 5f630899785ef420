import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { call, follow } from '../../src/rpc/framed-client.ts';
import type {
  OpenSessionRequest,
  SessionEnd,
} from '../../src/rpc/gen/holdfast/executor/v1/sessions.ts';
import { sessionMethods as service } from '../../src/rpc/session-methods.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';
import { DEADLINE_MS, kill } from './host-rig.ts';

export interface Heard {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly end: SessionEnd | undefined;
}

/** Commands beside one program of one host. */
export class SessionRig {
  readonly #host: Host;
  readonly #run: { readonly launchKey: string; readonly mark: string };
  readonly #sessions = new Set<string>();

  constructor(host: Host, run: { readonly launchKey: string; readonly mark: string }) {
    this.#host = host;
    this.#run = run;
  }

  /** Opens a session and gives its id. */
  async open(argv: readonly string[], changes: Partial<OpenSessionRequest> = {}): Promise<string> {
    const session = changes.session ?? randomUUID();
    this.#sessions.add(session);
    await call(this.#host.channel, service.openSession, {
      agentEpoch: 1,
      launchKey: this.#run.launchKey,
      mark: this.#run.mark,
      argv: [...argv],
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
      terminal: undefined,
      confinement: undefined,
      slot: '',
      ...changes,
      session,
    });
    return session;
  }

  shell(script: string, changes: Partial<OpenSessionRequest> = {}): Promise<string> {
    return this.open(['sh', '-c', script], changes);
  }

  /**
   * Reads to the end, or until `enough` says so; takes what it reads unless `takes` is false. A reader that leaves early
   * cancels its call.
   */
  async hear(
    session: string,
    options: { after?: number; takes?: boolean; enough?: (heard: Heard) => boolean } = {},
  ): Promise<Heard> {
    const parts: { isStderr: boolean; data: Uint8Array }[] = [];
    const joined = (isStderr: boolean): Buffer =>
      Buffer.concat(parts.filter((one) => one.isStderr === isStderr).map(({ data }) => data));
    let end: SessionEnd | undefined;
    const soFar = (): Heard => ({ stdout: joined(false), stderr: joined(true), end });
    const request = { agentEpoch: 1, session, after: options.after };
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const answers = follow(this.#host.channel, service.attachSession, request, { signal });
    for await (const { part } of answers) {
      if (part?.$case === 'ended') end = part.value;
      if (part?.$case === 'output') {
        parts.push(part.value);
        if (options.takes !== false) await this.take(session, part.value.offset);
      }
      if (options.enough?.(soFar()) === true) return soFar();
    }
    if (signal.aborted) throw new Error(`session ${session} was not over in time`);
    return soFar();
  }

  async take(session: string, offset: number): Promise<void> {
    await call(this.#host.channel, service.takeSession, { agentEpoch: 1, session, offset });
  }

  async write(session: string, offset: number, text: string, closes = false): Promise<number> {
    const request = { agentEpoch: 1, session, offset, data: Buffer.from(text), closes };
    return (await call(this.#host.channel, service.writeSession, request)).offset;
  }

  async resize(session: string, columns: number, rows: number): Promise<void> {
    const request = { agentEpoch: 1, session, size: { columns, rows } };
    await call(this.#host.channel, service.resizeSession, request);
  }

  async signal(session: string, signal: string): Promise<boolean> {
    const request = { agentEpoch: 1, session, signal };
    return (await call(this.#host.channel, service.signalSession, request)).delivered;
  }

  async wait(session: string): Promise<SessionEnd | undefined> {
    const options = { deadlineMs: DEADLINE_MS };
    return (
      await call(this.#host.channel, service.waitSession, { agentEpoch: 1, session }, options)
    ).end;
  }

  async close(session: string, reason = 'closed'): Promise<void> {
    await call(this.#host.channel, service.closeSession, { agentEpoch: 1, session, reason });
  }

  async forget(session: string): Promise<void> {
    await call(this.#host.channel, service.forgetSession, { agentEpoch: 1, session });
  }

  /** Leaves nothing behind, whatever became of the host. */
  end(): void {
    for (const session of this.#sessions) for (const pid of processesOf(session)) kill(pid);
  }
}

/** Living processes that carry the session's id. */
export function processesOf(session: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const isZombie = /\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
        return !isZombie && environment.includes(`HOLDFAST_SESSION=${session}\0`);
      } catch {
        return false;
      }
    });
}
