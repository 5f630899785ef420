/** Pairs of pseudo terminals. node-pty is optional and native: it is loaded when the first terminal is asked for. */
import { createRequire } from 'node:module';
import { HoldfastError, messageOf } from '../errors.ts';
import { closeOnExec } from './attached-process.ts';

export interface Terminal {
  /** Where what the program writes is read, without blocking; what is typed is written there. */
  readonly master: number;
  /** Holds the other side open: what was written is lost with the last one who has it. */
  readonly slave: number;
  /** Of the slave. */
  readonly path: string;
}

/** The part of node-pty that makes and sizes a pair. Its `spawn` loses output at the end of a program. */
interface PairMaker {
  open(columns: number, rows: number): { master: number; slave: number; pty: string };
  resize(fd: number, columns: number, rows: number): void;
}

let loaded: PairMaker | undefined;

/** Throws CAPABILITY_MISSING with the reason where there is no node-pty, or none that was built for this Node. */
function pairMaker(): PairMaker {
  try {
    loaded ??= (createRequire(import.meta.url)('node-pty') as { native: PairMaker }).native;
    return loaded;
  } catch (cause) {
    const why = messageOf(cause).split('\n')[0];
    const message = `terminals need the optional package node-pty, which cannot be loaded: ${why}`;
    throw new HoldfastError('CAPABILITY_MISSING', message, { cause });
  }
}

/** Undefined when there can be terminals, else why not. */
export function whyNoTerminals(): string | undefined {
  try {
    pairMaker();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Throws CAPABILITY_MISSING, or RESOURCES_EXHAUSTED when the machine has no more of them. */
export function openTerminal(columns: number, rows: number): Terminal {
  const maker = pairMaker();
  try {
    const { master, slave, pty } = maker.open(columns, rows);
    closeOnExec(master);
    closeOnExec(slave);
    return { master, slave, path: pty };
  } catch (cause) {
    const message = `no terminal could be opened: ${messageOf(cause)}`;
    throw new HoldfastError('RESOURCES_EXHAUSTED', message, { cause });
  }
}

/** The program hears of it by SIGWINCH. */
export function resizeTerminal({ master }: Terminal, columns: number, rows: number): void {
  pairMaker().resize(master, columns, rows);
}
