/** Counts as messages. */
import type { Orchestrator } from '../api.ts';
import { answer } from '../rpc/grpc-answer.ts';
import type * as message from '../rpc/gen/holdfast/agent/v1/counts.ts';

export function countHandlers(orchestrator: Orchestrator): message.CountServiceServer {
  return {
    listCounts: answer(async () => {
      const counts = await orchestrator.counts();
      return { counts: counts.map(({ labels, ...rest }) => ({ ...rest, labels: { ...labels } })) };
    }),
  };
}
