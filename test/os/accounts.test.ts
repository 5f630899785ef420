import { expect, test } from 'vitest';
import { type AccountSources, findAccount } from '../../src/os/accounts.ts';

const PASSWD = `root:x:0:0:root:/root:/bin/bash
web:x:1001:1001:,,,:/srv/web:/bin/sh
1002:x:7:7::/srv/odd:/bin/sh
broken:x:abc:1::/:/bin/sh
nohome:x:1003:1003:::
`;
const GROUP = `root:x:0:
web:x:1001:
www-data:x:33:web,other
video:x:44:other,web
2000:x:9:
`;

function sources(
  known: Readonly<Record<string, string>> = {},
  asked: string[] = [],
): AccountSources {
  return {
    passwd: () => PASSWD,
    group: () => GROUP,
    getent: async (database, key) => {
      asked.push(`${database} ${key}`);
      return known[`${database} ${key}`] ?? '';
    },
  };
}

test('a user of the files has exactly his groups, and nobody else is asked', async () => {
  const asked: string[] = [];
  const account = await findAccount('web', sources({}, asked));
  expect(account).toEqual({
    uid: 1001,
    gid: 1001,
    groups: [1001, 33, 44],
    name: 'web',
    home: '/srv/web',
  });
  expect(asked).toEqual([]);
});

test('root has no group but his own', async () => {
  expect(await findAccount('root', sources())).toMatchObject({
    uid: 0,
    groups: [0],
    home: '/root',
  });
});

test('a number is its account', async () => {
  expect(await findAccount('1001', sources())).toMatchObject({
    name: 'web',
    groups: [1001, 33, 44],
  });
});

test('a number that is somebody’s name is that name', async () => {
  expect(await findAccount('1002', sources())).toMatchObject({ name: '1002', uid: 7 });
});

test('with a group it is the only one', async () => {
  const account = await findAccount('web:www-data', sources());
  expect(account).toMatchObject({ uid: 1001, gid: 33, groups: [33], home: '/srv/web' });
  expect(await findAccount('web:4242', sources())).toMatchObject({ gid: 4242, groups: [4242] });
  expect(await findAccount('web:2000', sources())).toMatchObject({ gid: 9 });
});

test('a number without an account is somebody when its group is said', async () => {
  const account = await findAccount('4242:4243', sources());
  expect(account).toEqual({ uid: 4242, gid: 4243, groups: [4243], name: '4242', home: '/' });
  await expect(findAccount('4242', sources())).rejects.toMatchObject({
    code: 'START_FAILED',
    message: 'user 4242 has no account: say its group too, as in "4242:4242"',
  });
});

test('a user of another source has the groups that the machine tells', async () => {
  const ldap = sources({
    'passwd ann': 'ann:*:5000:5001:Ann:/srv/ann:/bin/sh\n',
    'initgroups ann': 'ann                   5001 33 5002\n',
  });
  expect(await findAccount('ann', ldap)).toMatchObject({ uid: 5000, groups: [5001, 33, 5002] });
});

test('a user of another source is in groups of the files, too', async () => {
  const ldap = sources({ 'passwd other': 'other:*:5000:5001::/:/bin/sh\n' });
  expect(await findAccount('other', ldap)).toMatchObject({ groups: [5001, 33, 44] });
});

test.each(['nobody-here', 'broken', 'web:nothing', '4294967295:1', 'x:1'])(
  'whoever is not known is refused: %s',
  async (text) => {
    await expect(findAccount(text, sources())).rejects.toMatchObject({ code: 'START_FAILED' });
  },
);

test('a user without a home has the root', async () => {
  expect(await findAccount('nohome', sources())).toMatchObject({ home: '/' });
});

test('this machine knows root, and says of a strange name that nobody knows it', async () => {
  expect(await findAccount('root')).toMatchObject({ uid: 0, gid: 0, name: 'root' });
  await expect(findAccount('nobody-has-this-name')).rejects.toThrow(/is not known on this machine/);
});
