import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';
import { describeEventLog } from '../contract/event-log.contract.ts';

describeEventLog('memory log', openMemoryEventLog);
