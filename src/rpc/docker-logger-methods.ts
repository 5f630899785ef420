import { DockerLoggerServiceDefinition } from './gen/holdfast/dockerlogger/v1/docker_logger.ts';
import { methodsOf } from './method.ts';

/** Number of the conversation that docker_logger.proto describes. */
export const DOCKER_LOGGER_PROTOCOL = 1;

/** What may be asked of a docker logger. */
export const dockerLoggerMethods = methodsOf(DockerLoggerServiceDefinition);
