/** The share of a drill that CI does, as a test. */
import { describe, expect, it } from 'vitest';
import { performDrill, type Drill } from './drill.ts';
import { lacking } from './tools.ts';

const SHARE_DEADLINE_MS = 180_000;

export function testShareOf(drill: Drill): void {
  const reason = lacking(drill.tools, drill.privileges);
  describe.skipIf(reason !== undefined)(
    drill.name + (reason === undefined ? '' : `: ${reason}`),
    () => {
      it(drill.promise, { timeout: SHARE_DEADLINE_MS }, async () => {
        const { failures, figures } = await performDrill(drill, drill.cases.share, 1);
        expect(failures).toEqual([]);
        expect(Object.values(figures)).not.toEqual([]);
      });
    },
  );
}
