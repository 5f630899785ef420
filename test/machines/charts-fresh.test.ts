/** The drawings in docs/charts are those of the charts as they are. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { charts } from '../../tools/gen-charts.ts';

const FOLDER = new URL('../../docs/charts/', import.meta.url);

describe('docs/charts', () => {
  it.each(Object.entries(charts()))('%s is drawn from the chart of today', (name, text) => {
    expect(readFileSync(new URL(name, FOLDER), 'utf8'), 'run npm run gen').toBe(text);
  });

  it('holds no drawing of a chart that is gone', () => {
    expect(readdirSync(FOLDER).toSorted()).toEqual(Object.keys(charts()).toSorted());
  });
});
