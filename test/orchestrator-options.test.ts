import { describe, expect, it } from 'vitest';
import { checkOptions } from '../src/orchestrator-options.ts';
import { mockDriver, MockWorld, FakeClock } from '../src/testing/index.ts';

const dataDir = '/nowhere';

describe('the options of an orchestrator', () => {
  it('may be all there are, or left undefined', () => {
    const clock = new FakeClock();
    const drivers = [mockDriver(new MockWorld(clock))];
    checkOptions({ dataDir });
    checkOptions({ dataDir, drivers, hooks: undefined, clock, logger: console, onClose: 'leave' });
    checkOptions({ dataDir, safeMode: 'off', retention: {}, tasksPerHost: 1, diskFloorBytes: 0 });
    checkOptions({ dataDir, node: { datacenter: 'dc1', meta: { a: 'b' } }, deniedHostEnv: ['A*'] });
    checkOptions({
      dataDir,
      artifacts: { maxBytes: 1, fileRoots: ['/srv'], timeoutMs: undefined },
    });
    checkOptions({ dataDir, safeMode: { starts: 1, withinMs: 1 }, maxKillTimeoutMs: 0 });
    checkOptions({ dataDir, templates: { fileRoots: ['/srv'], keys: '/srv/keys' } });
    checkOptions({ dataDir, templates: { keys: { get: async () => undefined } } });
  });

  it.each([
    [undefined, 'the options', 'must be an object, not undefined'],
    [{}, 'dataDir', 'must be a path, not undefined'],
    [{ dataDir: '' }, 'dataDir', 'must be a path'],
    [{ dataDir, drivers: {} }, 'drivers', 'must be a list of drivers, not object'],
    [{ dataDir, drivers: ['raw_exec'] }, 'drivers', 'must be a list of drivers'],
    [{ dataDir, hooks: [{}] }, 'hooks', 'must be a list of hooks'],
    [{ dataDir, logger: { info() {} } }, 'logger', 'must be debug, info, warn and error'],
    [{ dataDir, onClose: 'keep' }, 'onClose', "must be 'stop' or 'leave', not keep"],
    [{ dataDir, tasksPerHost: 0 }, 'tasksPerHost', 'must be a whole number from 1 on, not 0'],
    [{ dataDir, tasksPerHost: 1.5 }, 'tasksPerHost', 'not 1.5'],
    [{ dataDir, maxKillTimeoutMs: -1 }, 'maxKillTimeoutMs', 'must be milliseconds, 0 or more'],
    [{ dataDir, diskFloorBytes: '64 MiB' }, 'diskFloorBytes', 'not 64 MiB'],
    [{ dataDir, diskFloorBytes: Number.NaN }, 'diskFloorBytes', 'not NaN'],
    [{ dataDir, retention: 5 }, 'retention', 'must be an object, not 5'],
    [{ dataDir, retention: { keepFinishedAllocs: -5 } }, 'retention.keepFinishedAllocs', 'not -5'],
    [{ dataDir, logs: 5 }, 'logs', 'must be an object, not 5'],
    [
      { dataDir, logs: { budgetBytes: -1 } },
      'logs.budgetBytes',
      'must be bytes, 0 or more, not -1',
    ],
    [{ dataDir, logs: { budget: 1 } }, 'logs.budget', 'There are: budgetBytes'],
    [{ dataDir, safeMode: true }, 'safeMode', "must be 'off' or an object, not boolean"],
    [{ dataDir, safeMode: { starts: 5 } }, 'safeMode.withinMs', 'not null'],
    [{ dataDir, node: { zone: 'a' } }, 'node.zone', 'There are: id, name, datacenter'],
    [{ dataDir, node: { meta: { a: 1 } } }, 'node.meta', 'must be texts by name'],
    [{ dataDir, node: { name: 'a\0b' } }, 'node.name', 'must be a text'],
    [{ dataDir, deniedHostEnv: 'A' }, 'deniedHostEnv', 'must be a list of names, not A'],
    [{ dataDir, templates: { keys: {} } }, 'templates.keys', 'must be a path or get, not object'],
    [{ dataDir, artifacts: { maxBytes: 0 } }, 'artifacts.maxBytes', 'must be bytes, 1 or more'],
    [{ dataDir, artifacts: { insecure: true } }, 'artifacts.insecure', 'There are: maxBytes'],
    [{ dataDir, clock: Date }, 'clock', 'must be now, steady and at'],
    [{ dataDir, random: null }, 'random', 'not null'],
    [{ dataDir, driver: [] }, 'driver', 'Did you mean drivers?'],
    [{ dataDir, retention: { keep: 1 } }, 'retention.keep', 'There are: keepFinishedAllocs'],
  ])('%j are refused with the name of what is wrong: %s', (options, option, text) => {
    let refusal: unknown;
    try {
      checkOptions(options);
    } catch (error) {
      refusal = error;
    }

    expect(refusal).toMatchObject({ code: 'USAGE', details: { option } });
    expect((refusal as Error).message).toContain(text);
  });
});
