import { expect, it } from 'vitest';
import { nodeFact } from '../../src/cli/node-option.ts';

it('gathers what tasks are told of a machine', () => {
  const said = ['datacenter=dc1', 'meta.rack=r7', 'meta.a.b=x=y', 'attr.gpu=2', 'coreMhz=2600'];
  expect(
    [...said, 'class=old', 'class=new'].reduce((before, one) => nodeFact(one, before), {}),
  ).toEqual({
    datacenter: 'dc1',
    class: 'new',
    meta: { rack: 'r7', 'a.b': 'x=y' },
    attributes: { gpu: '2' },
    coreMhz: 2600,
  });
});

it.each(['zone=a', 'class', 'class=', '=x', 'meta.=x', 'coreMhz=fast'])('refuses %s', (text) => {
  expect(() => nodeFact(text)).toThrow('expected id, name, datacenter');
});
