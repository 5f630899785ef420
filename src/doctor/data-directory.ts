/** Whose data directory is it, who holds it, and does its store say what was written to it? */
import { runKeys } from '../os/run-roots.ts';
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkDataDirectory } from '../data-dir.ts';
import { ERROR_CODES, HoldfastError, messageOf } from '../errors.ts';
import type { Layout } from '../layout.ts';
import { strangeness } from '../actors/instance-file.ts';
import { markAbove, readHeadMarks } from '../log/head-mark.ts';
import { claimOf } from '../log/open-store.ts';
import { attempt } from '../log/torn-store.ts';
import { agentPresence } from './agent-presence.ts';
import { counted, failure, fine, sizeText, warning, type Finding } from './finding.ts';
import { copyFinding, instanceFinding, readInstanceId } from './instance.ts';
import { withStore } from './store-place.ts';
import type { StoreReading } from './store-reading.ts';
import { storesMovedAside } from './store-summary.ts';

/** What the rest of the examination needs to know. */
export interface KnownDirectory {
  readonly findings: readonly Finding[];
  /** Undefined when nothing tells it. */
  readonly instanceId: string | undefined;
  readonly hasAgent: boolean;
  /** Undefined when there is no store, or none that can be read. */
  readonly reading: StoreReading | undefined;
}

export async function dataDirectoryFindings(layout: Layout, now: number): Promise<KnownDirectory> {
  const own = ownership(layout);
  if (!isReadable(layout.stateDir)) {
    return { findings: own, instanceId: undefined, hasAgent: false, reading: undefined };
  }
  const agent = await agentPresence(layout, now);
  const instance = readInstanceId(layout);
  const hasFiles = runKeys(layout.stateDir).length > 0 || !isEmpty(layout.specDir);
  const traces = hasFiles ? 'files' : instance.id === undefined ? 'none' : 'identity';
  const { findings, reading, storedId } = storeFindings(layout, now, traces);
  return {
    findings: [
      ...own,
      ...copyFinding(layout),
      ...agent.findings,
      instanceFinding(layout, instance, storedId),
      ...findings,
      ...lastWords(reading, agent.isThere),
      ...aside(layout),
    ],
    // A foreign store was not asked.
    instanceId: storedId ?? instance.id,
    hasAgent: agent.isThere,
    reading,
  };
}

function ownership({ dataDir, stateDir }: Layout): readonly Finding[] {
  const check = 'data directory';
  try {
    checkDataDirectory(dataDir);
  } catch (error) {
    return [failure(check, messageOf(error))];
  }
  if (!isThere(dataDir)) return [fine(check, `${dataDir} does not exist: an agent would make it`)];
  const found = [fine(check, `${dataDir} belongs to this user alone`)];
  const mode = isReadable(stateDir) ? statSync(stateDir).mode & 0o777 : 0o700;
  if ((mode & 0o077) === 0) return found;
  const message = `others can look into ${stateDir} (mode ${mode.toString(8)})`;
  return [...found, failure('state directory', message, `chmod 700 ${stateDir}`)];
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isEmpty(dir: string): boolean {
  return (attempt(() => readdirSync(dir)) ?? []).length === 0;
}

interface StoreFindings {
  readonly findings: readonly Finding[];
  readonly reading: StoreReading | undefined;
  /** Whose the store says it is; undefined when it is foreign. */
  readonly storedId: string | undefined;
}

/** What beside the store tells that an agent worked here before: files of specs and runs, or its identity alone. */
type Traces = 'files' | 'identity' | 'none';

function storeFindings(layout: Layout, now: number, traces: Traces): StoreFindings {
  const { stateDir, storeDir } = layout;
  const markPath = join(storeDir, 'head');
  try {
    return withStore({ path: join(storeDir, 'log.db'), markPath }, (reading, file) => {
      const claim = claimOf((key) => file.meta.get(key), layout.markAbove);
      const strange = strangeness(stateDir, claim);
      if (strange !== undefined) return foreignStore(strange);
      const size = sizeText(file.sizeBytes + file.walBytes);
      const text = `${counted(reading.events, 'event')}, head ${file.highest}, ${size}`;
      const findings = [...storeVerdict(reading, text), ...clock(reading, now)];
      return { findings, reading, storedId: file.meta.get('instanceId') };
    });
  } catch (error) {
    const head = readHeadMarks(markPath, markAbove(markPath)).mark?.head ?? 0;
    const findings = [unopened(HoldfastError.from(error), traces, head)];
    return { findings, reading: undefined, storedId: undefined };
  }
}

function foreignStore(fault: string): StoreFindings {
  const remedy =
    'put the own one back; an agent that starts moves this one aside, and rebuilds what it can from the files of specs and runs';
  return { findings: [failure('store', fault, remedy)], reading: undefined, storedId: undefined };
}

const AN_AGENT_RESCUES = 'start an agent: it moves the store aside and keeps what can be read';

function unopened(error: HoldfastError, traces: Traces, head: number): Finding {
  const check = 'store';
  if (error.code === 'NOT_FOUND') {
    if (traces === 'none' && head === 0) return fine(check, 'there is none yet');
    const text = head === 0 ? 'it is gone' : `it is gone, and had come to position ${head}`;
    const remedy =
      traces === 'files'
        ? 'start an agent: it rebuilds what it can from the files of specs and runs'
        : 'put it back from a backup: an agent begins anew without it, and ends what runs';
    return failure(check, text, remedy);
  }
  if (error.code === 'STORE_CORRUPT') return failure(check, error.message, AN_AGENT_RESCUES);
  const isLater = ERROR_CODES[error.code].retryable;
  return failure(check, error.message, isLater ? null : 'use a newer version of Holdfast');
}

function storeVerdict(reading: StoreReading, text: string): readonly Finding[] {
  const { faults, quarantined } = reading;
  const [first] = faults;
  const store =
    first === undefined
      ? fine('store', text)
      : failure(
          'store',
          `${text}, ${counted(faults.length, 'fault')}: ${first.fault}`,
          `holdfast store verify names them all; ${AN_AGENT_RESCUES}`,
        );
  const strange = quarantined.map(({ stream, position, reason }) =>
    failure('quarantine', `${stream} cannot be read from position ${position} on: ${reason}`),
  );
  return [store, ...strange];
}

/** What the newest agent said, and the log alone does not show. */
function lastWords(reading: StoreReading | undefined, hasAgent: boolean): readonly Finding[] {
  if (reading === undefined) return [];
  const { isInSafeMode, leftAlone } = reading.lastWords;
  if (!hasAgent) {
    const text = 'agents died too often here, and the last one started nothing (safe mode)';
    return isInSafeMode ? [warning('safe mode', text, 'see in its log why they died')] : [];
  }
  const known = new Set(reading.quarantined.map(({ stream }) => stream));
  return [...leftAlone]
    .filter(([stream]) => !known.has(stream))
    .map(([stream, message]) => {
      const text = `the agent left ${stream} alone: ${message}`;
      return failure('quarantine', text, 'start the agent again: it folds it anew');
    });
}

const CLOCK_SLACK_MS = 60_000;

function clock({ newestAt }: StoreReading, now: number): readonly Finding[] {
  if (newestAt <= now + CLOCK_SLACK_MS) return [];
  const text = `it is behind the newest event, of ${new Date(newestAt).toISOString()}: order and deadlines do not depend on it, times that people read do`;
  return [warning('wall clock', text, 'set the clock')];
}

function aside({ storeDir }: Layout): readonly Finding[] {
  return storesMovedAside(storeDir).map(({ name, sizeBytes }) => {
    const isForeign = name.startsWith('log.db.foreign');
    const rest = isForeign
      ? 'it is another data directory’s, and nothing of it was taken over'
      : 'what could be read is in the store';
    const message = `${name} (${sizeText(sizeBytes)}) was moved aside; ${rest}`;
    const path = join(storeDir, name);
    const remedy = `holdfast store export --file ${path}; then delete it`;
    return warning(
      isForeign ? 'foreign store' : 'damaged store',
      message,
      isForeign ? `bring it back to where it belongs, or ${remedy}` : remedy,
    );
  });
}
