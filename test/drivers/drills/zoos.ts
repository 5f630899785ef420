/** A zoo of containers at a real engine that changes from sweep to sweep: only what is ours and nobody's goes. */
import { OWN_LABELS } from '../../../src/drivers/docker/config.ts';
import { ownLabels } from '../../../src/drivers/docker/container-body.ts';
import { dockerEngine } from '../../../src/engine/docker-engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { messageOf } from '../../../src/errors.ts';
import { launchKey, markOf } from '../../../src/os/launch-key.ts';
import { type EngineRig, IMAGE } from '../../docker/engine-rig.ts';
import { Sweeping } from '../../docker/sweeping.ts';
import type { Drill, Findings } from '../../faults/drill.ts';
import { runRequest } from '../run-request.ts';
import { insist, withEngine } from './room.ts';

const MINE = 'mine';
/** Of the oldest, visitors take some away. */
const MOST_ANIMALS = 10;

export const zoos: Drill = {
  name: 'zoos',
  promise: 'of the containers of an engine only those go that are ours and unknown in two sweeps',
  tools: ['dockerd', 'nsenter'],
  privileges: ['root'],
  cases: { share: 25, full: 1_000 },
  run: (findings, cases) =>
    withEngine(async (engine) => {
      await findings.attempt('zoos', () => watched(findings, engine, cases));
      const listed = (): ReturnType<Engine['listContainers']> => namedAlike(engine);
      const text = await watched(findings, engine, 25, listed).then(
        () => 'nothing was noticed',
        messageOf,
      );
      findings.control('a sweep that goes by names', text.includes('what is there'), text);
    }),
};

/** What of a container tells whose it is, and is true of ours only. */
const KINDS = {
  ours: (key) => ({ name: `holdfast-${key}`, labels: labels(key) }),
  'of another agent': (key) => ({ name: `holdfast-${key}`, labels: labels(key, 'yours') }),
  'named alike': (key) => ({ name: `holdfast-${key}`, labels: {} }),
  'of an image of ours': (key) => ({ name: `made-of-${key}`, labels: labels(key) }),
  'of a later protocol': (key) => ({
    name: `holdfast-${key}`,
    labels: { ...labels(key), [`${OWN_LABELS}protocol`]: '2' },
  }),
} as const satisfies Readonly<Record<string, (key: string) => Identity>>;

interface Identity {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Animal {
  readonly kind: keyof typeof KINDS;
  readonly name: string;
  readonly key: string;
  /** Sweeps in a row that saw it and found it unknown, and all that saw it. */
  unknown: number;
  seen: number;
}

async function watched(
  findings: Findings,
  engine: EngineRig,
  rounds: number,
  listed?: Engine['listContainers'],
): Promise<void> {
  const known = new Set<string>();
  const sweeps = await Sweeping.open(engine, {
    instanceId: MINE,
    known,
    ...(listed && { listed }),
  });
  let animals: Animal[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (let more = findings.between(0, 3); more > 0; more -= 1) {
        animals.push(await born(findings, engine));
      }
      for (const { key } of animals) {
        if (findings.random() < 0.4) known.add(key);
        else known.delete(key);
      }
      while (animals.length > MOST_ANIMALS)
        engine.docker('rm', '--force', animals.shift()?.name ?? '');
      if (round === 0) await sweeps.fingerprint();
      else await sweeps.period();
      animals = animals.filter((one) => stays(one, known.has(one.key)));
      const names = animals.map(({ name }) => name).toSorted();
      insist('what is there', engine.names().toSorted(), names);
      findings.count('zoos');
      findings.count(
        'foreign containers seen',
        animals.filter(({ kind }) => kind !== 'ours').length,
      );
    }
    findings.count('leftovers removed', sweeps.recorded.length);
  } finally {
    await sweeps.end();
    for (const name of engine.names()) engine.docker('rm', '--force', name);
  }
}

/** By the rule: ours, unknown in two sweeps in a row, and seen for the grace, which is a period long. */
function stays(animal: Animal, isKnown: boolean): boolean {
  animal.seen += 1;
  animal.unknown = isKnown ? 0 : animal.unknown + 1;
  return animal.kind !== 'ours' || animal.unknown < 2 || animal.seen < 2;
}

let births = 0;

async function born(findings: Findings, rig: EngineRig): Promise<Animal> {
  births += 1;
  const key = launchKey('a1', 'web', births, 'token');
  const kinds = Object.keys(KINDS) as (keyof typeof KINDS)[];
  const kind = findings.random() < 0.4 ? 'ours' : findings.pick(kinds);
  const { name, labels: own } = KINDS[kind](key);
  const engine = dockerEngine(rig);
  const body = { Image: IMAGE, Cmd: ['sleep', '1000'], Labels: own };
  await engine.createContainer(name, body);
  if (findings.random() < 0.15) await engine.startContainer(name);
  findings.count(`made ${kind}`);
  return { kind, name, key, unknown: 0, seen: 0 };
}

function labels(key: string, instanceId = MINE): Readonly<Record<string, string>> {
  return ownLabels({ ...runRequest('docker', {}, 1), mark: markOf(instanceId, key) }, instanceId);
}

/** The mistake of the simple: whatever is named like one of ours is one. */
async function namedAlike(rig: EngineRig): ReturnType<Engine['listContainers']> {
  const all = await dockerEngine(rig).listContainers({});
  return all.map((one) => {
    const key = one.name.slice('holdfast-'.length);
    return one.name.startsWith('holdfast-') ? { ...one, labels: labels(key) } : one;
  });
}
