import { damagedFiles } from './damaged-files.ts';
import { testShareOf } from './share.ts';

testShareOf(damagedFiles);
