import type { SegmentSeries } from '../../output/segments.ts';
import { Preview } from './preview.ts';
import { LogBudget } from './log-budget.ts';
import { Packer } from './packer.ts';
import type { Mover } from './mover.ts';
import { PurgeJournal } from './purge-journal.ts';
import type { SegmentCare } from './open-segment.ts';
import { SyncQueue } from './sync-queue.ts';

/** What all streams of a host share. */
export interface Workshop extends SegmentCare {
  readonly preview: Preview;
  readonly budget: LogBudget;
}

export interface StreamOptions extends SegmentSeries {
  readonly maxFiles: number;
  readonly maxFileBytes: number;
  /** The run that writes what is there when it begins; 0, or left out, when that is not known. */
  readonly run?: number;
  readonly compress?: boolean;
  /** What cannot be written is thrown away. */
  readonly dropWhenFull?: boolean;
  /** Given by tests; else the file system decides. */
  readonly mover?: Mover;
}

/** `journal` is the file of what was purged; `report` gets lines for the log of the host. */
export function openWorkshop(journal: string, report: (line: string) => void): Workshop {
  return {
    disk: new SyncQueue(),
    packer: new Packer(),
    preview: new Preview(),
    budget: new LogBudget({ journal: new PurgeJournal(journal, report), report }),
    report,
  };
}
