/** Entry of a logmon host: an OS process that moves the output of many tasks into files and outlives the agent. */
import { runHost } from '../../rpc/host-main.ts';
import { LOGMON_PROTOCOL } from '../../rpc/logmon-methods.ts';
import { LogmonHost } from './service.ts';

await runHost('logmon', LOGMON_PROTOCOL, (context) => new LogmonHost(context).hosted());
