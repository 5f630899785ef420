import { describe, expect, it } from 'vitest';
import { Reports } from '../../src/processes/executor-host/reports.ts';
import { Run } from '../../src/processes/executor-host/run.ts';

describe('the reports of an executor host', () => {
  it('tell a follower of an end that came before it read its first report', async () => {
    const reports = new Reports();
    const leaving = new AbortController();
    const stream = reports.follow([], leaving.signal);
    const run = new Run('abcdefghijklmnopqrst', '/nowhere', 'mark');
    run.end = { is: 'lost', reason: 'its shim was killed', maybeRan: true };
    reports.tell(run);
    const ready = await stream.next();
    expect(ready.value?.report?.$case).toBe('ready');
    const told = await stream.next();
    expect(told.value).toMatchObject({ launchKey: run.key, report: { $case: 'lost' } });
    leaving.abort();
    await stream.return(undefined);
  });
});
