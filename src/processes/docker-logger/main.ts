/** Entry of a docker logger: an OS process that moves what containers write into FIFOs and has commands in them. */
import { DOCKER_LOGGER_PROTOCOL } from '../../rpc/docker-logger-methods.ts';
import { runHost } from '../../rpc/host-main.ts';
import { DockerLogger } from './service.ts';

await runHost('docker-logger', DOCKER_LOGGER_PROTOCOL, (context) =>
  new DockerLogger(context).hosted(),
);
