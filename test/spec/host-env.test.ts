import { describe, expect, it } from 'vitest';
import { allowedHostEnv, askedHostEnv, hostEnvDenial } from '../../src/spec/host-env.ts';
import { checkIdentity } from '../../src/spec/scheduler-identity.ts';

describe('the agent’s environment', () => {
  it('is given without what Nomad denies, what is our own, and what the operator adds', () => {
    const env = {
      LANG: 'C',
      AWS_SECRET_ACCESS_KEY: 'x',
      VAULT_TOKEN: 'x',
      HOLDFAST_MARK: 'i1:key',
      HOLDFAST_DATA_DIR: '/x',
      CI_JOB_TOKEN: 'x',
      'a+b': 'y',
      NONE: undefined,
    };
    expect(allowedHostEnv(env, hostEnvDenial(['CI_*', 'a+b']))).toEqual({ LANG: 'C' });
    expect(allowedHostEnv(env, hostEnvDenial())).toEqual({
      LANG: 'C',
      CI_JOB_TOKEN: 'x',
      'a+b': 'y',
    });
  });

  it('is given to nobody who does not ask', () => {
    const allowed = { LANG: 'C', TZ: 'UTC' };
    expect(askedHostEnv(allowed, undefined)).toEqual({});
    expect(askedHostEnv(allowed, true)).toEqual(allowed);
    expect(askedHostEnv(allowed, ['TZ', 'toString', 'NO'])).toEqual({ TZ: 'UTC' });
  });
});

describe('what a scheduler calls an alloc', () => {
  it('is what it said, without what it left out', () => {
    const said = { jobId: 'j', allocIndex: 0, region: undefined };
    expect(checkIdentity(said)).toEqual({ jobId: 'j', allocIndex: 0 });
  });

  it.each([
    [[], 'identity must be an object'],
    [{ job: 'x' }, 'identity.job is not known: jobId, jobName'],
    [{ jobId: '' }, 'identity.jobId must be a text'],
    [{ jobId: 'a\0b' }, 'identity.jobId must not contain NUL'],
    [{ jobId: 'x'.repeat(257) }, 'identity.jobId is longer than 256 characters'],
    [{ allocIndex: -1 }, 'identity.allocIndex must be a whole number, 0 or more'],
  ])('is refused when it is %j', (given, text) => {
    expect(() => checkIdentity(given)).toThrow(text);
  });
});
