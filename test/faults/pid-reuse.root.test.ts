import { pidReuse } from './pid-reuse.ts';
import { testShareOf } from './share.ts';

testShareOf(pidReuse);
