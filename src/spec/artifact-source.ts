/** Where an artifact comes from, read out of one text. The forms are go-getter's, as people know them from Nomad. */

export type ArtifactSource =
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'git'; readonly url: string; readonly ref?: string; readonly depth?: number }
  /** `url` as it is asked for; or the parts of it, for which there is an endpoint to be chosen. */
  | { readonly kind: 's3'; readonly url: string }
  | { readonly kind: 's3'; readonly bucket: string; readonly key: string };

export type SourceReading = ArtifactSource | { readonly fault: string };

const FORMS =
  'https://…, http://…, file:///…, git::https://…, git::ssh://…, s3://BUCKET/KEY or s3::https://…';

/** A source whose variables are filled in. */
export function readSource(source: string): SourceReading {
  const [, prefix, rest = source] = /^([a-z0-9]+)::(.*)$/s.exec(source) ?? [];
  if (prefix === 'git') return gitSource(rest);
  if (prefix === 's3') return s3Address(rest);
  if (prefix !== undefined) return { fault: `is of a kind that is not known: "${prefix}::"` };
  const url = parsed(source);
  if (url === undefined) return { fault: `must be a URL: ${FORMS}${hintFor(source)}` };
  if (url.protocol === 'https:' || url.protocol === 'http:') {
    return credentialFault(url) ?? { kind: 'http', url: url.href };
  }
  if (url.protocol === 'file:') return fileSource(url);
  if (url.protocol === 's3:') return s3Parts(url);
  if (url.protocol === 'ssh:') return { fault: `must say what is asked for: git::${source}` };
  return { fault: `has a scheme that is not known: "${url.protocol}". Known are ${FORMS}` };
}

function hintFor(source: string): string {
  if (/^(github|gitlab|bitbucket)\.(com|org)\//.test(source)) {
    return `. Did you mean git::https://${source}?`;
  }
  return source.startsWith('/') ? `. Did you mean file://${source}?` : '';
}

/** `git@host:path` is ssh. Of the query `ref` and `depth` are ours, as with go-getter. */
function gitSource(written: string): SourceReading {
  const [, user, host, path] = /^([\w.-]+)@([\w.-]+):(?!\/\/)(.+)$/s.exec(written) ?? [];
  const url = parsed(user === undefined ? written : `ssh://${user}@${host}/${path}`);
  if (url === undefined) return { fault: 'must have a URL behind git::, such as git::https://…' };
  if (!['https:', 'http:', 'ssh:', 'file:'].includes(url.protocol)) {
    return { fault: `has a scheme that git is not asked for: "${url.protocol}"` };
  }
  const fault = url.protocol === 'ssh:' ? passwordFault(url) : credentialFault(url);
  if (fault !== undefined) return fault;
  const ref = url.searchParams.get('ref') ?? undefined;
  const depth = url.searchParams.get('depth') ?? undefined;
  if (depth !== undefined && !/^[1-9]\d{0,8}$/.test(depth)) {
    return { fault: `has a depth that is no number of commits: "${depth}"` };
  }
  url.search = '';
  url.hash = '';
  return {
    kind: 'git',
    url: url.href,
    ...(ref === undefined ? {} : { ref }),
    ...(depth === undefined ? {} : { depth: Number(depth) }),
  };
}

function s3Address(written: string): SourceReading {
  const url = parsed(written);
  if (url?.protocol === 's3:') return s3Parts(url);
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    return { fault: 'must have a URL behind s3::, such as s3::https://HOST/BUCKET/KEY' };
  }
  return credentialFault(url) ?? { kind: 's3', url: url.href };
}

function s3Parts(url: URL): SourceReading {
  const key = decoded(url.pathname.slice(1));
  if (url.hostname === '' || key === undefined || key === '') {
    return { fault: 'must name a bucket and a key: s3://BUCKET/KEY' };
  }
  return passwordFault(url) ?? { kind: 's3', bucket: url.hostname, key };
}

function fileSource(url: URL): SourceReading {
  const path = decoded(url.pathname);
  if (url.host !== '') return { fault: `names a host: write file:///${url.host}${url.pathname}` };
  if (path === undefined || path.includes('\0')) return { fault: 'is no path of this machine' };
  return { kind: 'file', path };
}

/** Of an https address a user alone is a token, too. */
function credentialFault(url: URL): { fault: string } | undefined {
  return url.username === '' ? passwordFault(url) : { fault: CREDENTIALS };
}

function passwordFault(url: URL): { fault: string } | undefined {
  return url.password === '' ? undefined : { fault: CREDENTIALS };
}

const CREDENTIALS =
  'holds credentials, which would stand in the log: name a secret in headers or options instead';

/** A source for people: without its query, in which signatures stand. */
export function shownSource(source: string): string {
  return source.replace(/[?#].*$/s, '').replace(/\/\/[^/@]*@/, '//');
}

function parsed(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
