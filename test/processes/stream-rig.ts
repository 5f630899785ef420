/** One stream of a host without the host: a FIFO that is held, a writer, and turns that the test gives by itself. */
import { mkdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openFifo, PipeBudget } from '../../src/processes/logmon-host/fifo.ts';
import { StreamWriter } from '../../src/processes/logmon-host/stream-writer.ts';
import {
  openWorkshop,
  type StreamOptions,
  type Workshop,
} from '../../src/processes/logmon-host/workshop.ts';
import { openLaboratory } from '../fixtures/logmon/laboratory.ts';

export interface StreamRig {
  /** Of all output; the stream is that of one task in a directory below. */
  readonly root: string;
  readonly dir: string;
  readonly hold: number;
  readonly shop: Workshop;
  /** What the host would have in its log. */
  readonly reports: string[];
  writer: StreamWriter;
  /** Writes and has it collected. */
  say(text: string): void;
  /** What a host does that follows one that was killed: nothing was closed in order. */
  reopen(options?: Partial<StreamOptions>): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openStream(options: Partial<StreamOptions> = {}): Promise<StreamRig> {
  const lab = openLaboratory();
  const root = join(lab.dir, 'logs');
  const dir = join(root, 'alloc');
  mkdirSync(dir, { recursive: true });
  const reports: string[] = [];
  const report = (line: string): void => void reports.push(line);
  const shop = openWorkshop(join(lab.dir, 'purged.jsonl'), report);
  const open = async (more: Partial<StreamOptions>): Promise<StreamWriter> => {
    const fifo = await openFifo(lab.fifo);
    new PipeBudget().widen(fifo);
    const series = { dir, stem: 'web', stream: 'stdout' } as const;
    const policy = { maxFiles: 1000, maxFileBytes: 1_048_576, ...options, ...more };
    return new StreamWriter(fifo, { ...series, ...policy }, shop);
  };
  const rig: StreamRig = {
    root,
    dir,
    hold: lab.hold,
    shop,
    reports,
    writer: await open({}),
    say(text) {
      writeSync(lab.hold, text);
      while (rig.writer.turn(true).end === 'more');
    },
    async reopen(more = {}) {
      await rig.writer.close();
      rig.writer = await open(more);
    },
    async [Symbol.asyncDispose]() {
      if (!rig.writer.closed) await rig.writer.close();
      shop.preview.close();
      lab[Symbol.dispose]();
    },
  };
  return rig;
}
