import { fullDisks } from './full-disk.ts';
import { testShareOf } from './share.ts';

testShareOf(fullDisks);
