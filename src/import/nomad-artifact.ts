/** An artifact of a Nomad job: a source of go-getter, with options in its query or beside it. */
import { artifactProblems } from '../spec/artifact-rules.ts';
import { FieldReading } from './field-reading.ts';
import { withoutUnset, type Fields } from './imported.ts';

/** go-getter's name → ours. */
const OPTIONS: Readonly<Record<string, string>> = {
  ref: 'ref',
  depth: 'depth',
  sshkey: 'sshKey',
  region: 'region',
  aws_access_key_id: 'accessKeyId',
  aws_access_key_secret: 'secretAccessKey',
  aws_access_token: 'sessionToken',
};
const ARCHIVES = new Set(['tar', 'tar.gz', 'tar.bz2', 'tar.xz', 'zip', 'gz', 'bz2', 'xz']);
const HOSTS =
  /^(github\.com|gitlab\.com|bitbucket\.org)\/([^/?]+)\/([^/?]+?)(?:\.git)?(?:\/([^?]*))?(\?.*)?$/;

export function nomadArtifact(fields: unknown, path: string, notes: string[]): Fields {
  const reading = new FieldReading(fields, path, notes);
  const written = reading.text('GetterSource') ?? '';
  const { source, asked } = sourceOf(written, reading);
  const options = { ...asked, ...reading.texts('GetterOptions') };
  const made = {
    source,
    destination: reading.text('RelativeDest'),
    mode: modeOf(reading.text('GetterMode')),
    headers: reading.texts('GetterHeaders'),
    insecure: reading.isOn('GetterInsecure') || undefined,
    ...optionsOf(options, reading),
  };
  // Here it belongs to the task's user unless somebody says otherwise.
  reading.any('Chown');
  reading.end();
  return withoutSecrets(withoutUnset(made), reading);
}

function modeOf(mode: string | undefined): string | undefined {
  return mode === 'any' ? undefined : mode;
}

/** Options of go-getter stand in the query of a source, too; all other parameters are the server's. */
function sourceOf(
  written: string,
  reading: FieldReading,
): { source: string; asked: Readonly<Record<string, string>> } {
  const [, host, owner, repository, below, query = ''] = HOSTS.exec(written) ?? [];
  if (below !== undefined && below !== '') {
    reading.note(
      'GetterSource',
      `names a directory of a repository, "${below}": all of it is fetched`,
    );
  }
  const full =
    host === undefined ? written : `git::https://${host}/${owner}/${repository}.git${query}`;
  const [address = '', parameters] = full.split(/\?(.*)/s);
  if (parameters === undefined) return { source: address, asked: {} };
  const asked: Record<string, string> = {};
  const rest = parameters.split('&').filter((pair) => {
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    const isOurs = ['checksum', 'archive', ...Object.keys(OPTIONS)].includes(name);
    if (isOurs) asked[name] = value;
    return !isOurs;
  });
  return { source: rest.length === 0 ? address : `${address}?${rest.join('&')}`, asked };
}

function optionsOf(options: Readonly<Record<string, string>>, reading: FieldReading): Fields {
  const ours: Record<string, unknown> = {};
  let checksum: string | undefined;
  let unpack: string | undefined;
  for (const [name, value] of Object.entries(options)) {
    const known = OPTIONS[name];
    const place = `GetterOptions.${name}`;
    if (known !== undefined) ours[known] = known === 'depth' ? Number(value) : value;
    else if (name === 'checksum') checksum = checksumOf(value, reading);
    else if (name === 'archive') unpack = unpackOf(value, reading);
    else reading.note(place, 'is left out: there is nothing like it here');
  }
  return { options: withoutUnset(ours), checksum, unpack };
}

function checksumOf(value: string, reading: FieldReading): string | undefined {
  if (/^(sha256|sha512|sha1):/.test(value) || value.includes('${')) return value;
  const why =
    'is left out: anything is taken now that the address gives; write sha256:, sha512: or sha1:';
  reading.note('GetterOptions.checksum', why);
  return undefined;
}

function unpackOf(value: string, reading: FieldReading): string | undefined {
  if (value === 'false') return 'never';
  const kind = { tgz: 'tar.gz', tbz2: 'tar.bz2', txz: 'tar.xz' }[value] ?? value;
  if (ARCHIVES.has(kind)) return kind;
  if (value !== 'true')
    reading.note('GetterOptions.archive', `is left out: "${value}" is not known`);
  return undefined;
}

/** What would stand in the log is not taken over: it is named, and its place is left to a secret. */
function withoutSecrets(made: Made, reading: FieldReading): Fields {
  const { source = '', headers, options } = made;
  const named = artifactProblems({ source, destination: '', headers, options }).filter(
    ({ path, text }) => path.length === 2 && text.includes('stand in the log'),
  );
  for (const { path, text } of named) reading.note(path.join('.'), `is left out: it ${text}`);
  const isSecret = (key: string) => (name: string) =>
    named.some(({ path }) => path[0] === key && path[1] === name);
  return withoutUnset({
    ...made,
    headers: without(headers ?? {}, isSecret('headers')),
    options: without(options ?? {}, isSecret('options')),
  });
}

interface Made {
  readonly source?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: Fields;
}

function without(fields: Fields, isGone: (name: string) => boolean): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !isGone(name)));
}
