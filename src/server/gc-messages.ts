/** What is let go of, as messages, both ways. */
import type { GcEntry, GcOptions, GcReport } from '../api.ts';
import { answer } from '../rpc/grpc-answer.ts';
import type { Acting } from './acting.ts';
import type * as message from '../rpc/gen/holdfast/agent/v1/gc.ts';

export function gcHandlers(acting: Acting): message.GcServiceServer {
  return {
    gc: answer(async ({ ref, all, dryRun }, _signal, call) => {
      const named = ref === '' ? {} : { ref };
      return toGcMessage(await acting(call).gc({ ...named, all, dryRun }));
    }),
  };
}

function toGcMessage({ entries, ...disk }: GcReport): message.GcResponse {
  return {
    ...disk,
    entries: entries.map(({ endedAt, ...rest }) => ({ ...rest, endedAt: endedAt ?? undefined })),
  };
}

export function toGcRequest({ ref = '', all = false, dryRun = false }: GcOptions): {
  ref: string;
  all: boolean;
  dryRun: boolean;
} {
  return { ref, all, dryRun };
}

export function fromGcMessage({ entries, ...disk }: message.GcResponse): GcReport {
  return {
    ...disk,
    entries: entries.map(({ endedAt, rule, outcome, ...rest }) => ({
      ...rest,
      endedAt: endedAt ?? null,
      rule: rule as GcEntry['rule'],
      outcome: outcome as GcEntry['outcome'],
    })),
  };
}
