import { describe, expect, it } from 'vitest';
import { formatCursor, ownerOf, parseCursor, parseOwn } from '../../src/output/cursor.ts';

const owner = ownerOf('0k2x', 'web');

describe('a place in an output', () => {
  it('says whose it is, and one of an older release that does not is taken', () => {
    const cursor = formatCursor({ owner, stdout: { segment: 3, offset: 7 } });
    expect(cursor).toBe(`${owner}@stdout:3:7`);
    expect(parseOwn(cursor, owner)).toEqual({ owner, stdout: { segment: 3, offset: 7 } });
    expect(parseOwn('stdout:3:7', owner)).toEqual({ stdout: { segment: 3, offset: 7 } });
  });

  it('is refused by another output', () => {
    const cursor = `${ownerOf('0k2x', 'api')}@stdout:3:7`;
    expect(() => parseOwn(cursor, owner)).toThrow(
      expect.objectContaining({ code: 'POSITION_AHEAD' }),
    );
  });

  it('has one place for a stream', () => {
    expect(() => parseCursor('stdout:0:1,stdout:0:2')).toThrow(
      expect.objectContaining({ code: 'USAGE' }),
    );
  });
});
