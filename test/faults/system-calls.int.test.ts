import { systemCallFaults } from './system-calls.ts';
import { testShareOf } from './share.ts';

testShareOf(systemCallFaults);
