/** What every gRPC client expects of a server beside its services, asked for over a real socket. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import { AgentServiceClient } from '../../src/rpc/gen/holdfast/agent/v1/agent.ts';
import { HealthClient, HealthService } from '../../src/rpc/gen/grpc/health/v1/health.ts';
import {
  ServerReflectionClient,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../src/rpc/gen/grpc/reflection/v1/reflection.ts';
import { BadRequest, ErrorInfo, RetryInfo, Status } from '../../src/rpc/gen/google/rpc/status.ts';
import { connect } from '../../src/rpc/grpc-connect.ts';
import { toStatusDetails } from '../../src/rpc/status-details.ts';
import { serveAgent } from '../../src/server/agent-service.ts';
import { agentSocket } from '../../src/server/agent-socket.ts';
import { serveWaiting } from '../../src/server/waiting-service.ts';
import { FakeOrchestrator } from '../client/fake-orchestrator.ts';
import type { Listener } from '../../src/rpc/unix-socket.ts';

let dataDir: string;
let listener: Listener | undefined;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'holdfast-edge-'));
});
afterEach(async () => {
  await listener?.close();
  await rm(dataDir, { recursive: true, force: true });
});

type ClientClass<C> = new (
  address: string,
  credentials: never,
  options: { channelOverride: never },
) => C;

/** A client of the kind that any language has: an address, and nothing of ours. */
async function client<C>(Client: ClientClass<C>): Promise<C> {
  const channel = await connect(agentSocket(dataDir), 5_000);
  return new Client('', null as never, { channelOverride: channel.getChannel() as never });
}

async function serveFake(): Promise<void> {
  listener = await serveAgent({ orchestrator: new FakeOrchestrator(), dataDir });
}

function check(health: HealthClient, service: string): Promise<number | string> {
  return new Promise((resolve) => {
    health.check({ service }, (error, answer) => resolve(error ? error.code : answer.status));
  });
}

async function reflect(
  requests: readonly NonNullable<ServerReflectionRequest['messageRequest']>[],
): Promise<readonly ServerReflectionResponse['messageResponse'][]> {
  const call = (await client(ServerReflectionClient)).serverReflectionInfo();
  for (const messageRequest of requests) call.write({ host: 'here', messageRequest });
  call.end();
  const answers: ServerReflectionResponse['messageResponse'][] = [];
  for await (const { messageResponse } of call as AsyncIterable<ServerReflectionResponse>) {
    answers.push(messageResponse);
  }
  return answers;
}

it('says that the agent and each of its services serve, and knows no others', async () => {
  await serveFake();
  const health = await client(HealthClient);
  expect(await check(health, '')).toBe(1);
  expect(await check(health, 'holdfast.agent.v1.AgentService')).toBe(1);
  expect(await check(health, 'holdfast.agent.v1.NoService')).toBe(status.NOT_FOUND);
});

it('tells a watcher at once what is so, and a service that is not known', async () => {
  await serveFake();
  const health = await client(HealthClient);
  const first = async (service: string) => {
    const stream = health.watch({ service });
    stream.on('error', () => undefined);
    const [answer] = await stream.take(1).toArray();
    stream.cancel();
    return answer as { status: number };
  };
  expect(await first('')).toEqual({ status: 1 });
  expect(await first('nobody')).toEqual({ status: 3 });
});

it('says that an agent which waits to open its store does not serve', async () => {
  listener = await serveWaiting({ dataDir }, new HoldfastError('STORE_CORRUPT', 'disk is full'));
  expect(await check(await client(HealthClient), '')).toBe(2);
});

it('lists every service, and gives files from which all of their methods can be called', async () => {
  await serveFake();
  const [list] = await reflect([{ $case: 'listServices', value: '*' }]);
  if (list?.$case !== 'listServicesResponse') throw new Error(JSON.stringify(list));
  const names = list.value.service.map(({ name }) => name);
  expect(names).toContain('holdfast.agent.v1.AgentService');
  expect(names).toContain('grpc.health.v1.Health');
  const answers = await reflect(
    names.map((value) => ({ $case: 'fileContainingSymbol', value }) as const),
  );
  for (const [index, answer] of answers.entries()) {
    if (answer?.$case !== 'fileDescriptorResponse') throw new Error(names[index]);
    const files = answer.value.fileDescriptorProto.map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    const [file] = files;
    const byName = new Map(files.map((each) => [each.name, each]));
    const registry = createFileRegistry(file!, (name) => byName.get(name));
    expect(registry.getService(names[index]!)?.methods.length).toBeGreaterThan(0);
  }
});

it('finds a file by its name, by a message and by a method, and nothing that is not there', async () => {
  await serveFake();
  const kinds = await reflect([
    { $case: 'fileByFilename', value: 'holdfast/agent/v1/agent.proto' },
    { $case: 'fileContainingSymbol', value: 'holdfast.agent.v1.EventsRequest' },
    { $case: 'fileContainingSymbol', value: 'holdfast.agent.v1.AgentService.Events' },
    { $case: 'fileContainingSymbol', value: 'holdfast.agent.v1.AgentService.Nothing' },
    { $case: 'fileByFilename', value: '../../etc/passwd' },
    { $case: 'allExtensionNumbersOfType', value: 'holdfast.agent.v1.EventsRequest' },
  ]);
  expect(kinds.map((answer) => answer?.$case)).toEqual([
    ...Array.from({ length: 3 }, () => 'fileDescriptorResponse'),
    ...Array.from({ length: 3 }, () => 'errorResponse'),
  ]);
});

it('tells a client of another language why a call failed, in words that it knows', async () => {
  await serveFake();
  const agent = await client(AgentServiceClient);
  const error = await new Promise<ServiceError | null>((resolve) => {
    agent.inspect({ ref: 'nobody', at: undefined }, (failure) => resolve(failure));
  });
  const [bytes] = error?.metadata.get('grpc-status-details-bin') ?? [];
  const { code, details } = Status.decode(bytes as Buffer);
  expect(code).toBe(error?.code);
  expect(details[0]?.typeUrl).toBe('type.googleapis.com/google.rpc.ErrorInfo');
  expect(ErrorInfo.decode(details[0]!.value)).toMatchObject({
    reason: 'NOT_FOUND',
    domain: 'holdfast',
  });
});

it('names the mistakes of a spec, as many as fit, and when to try again', () => {
  const issues = Array.from({ length: 100 }, (_, index) => ({
    path: `tasks[${index}].env`,
    message: 'x'.repeat(500),
  }));
  const error = new HoldfastError('SPEC_INVALID', 'bad', { retryable: true, details: { issues } });
  const bytes = toStatusDetails(error, 3);
  expect(bytes.length).toBeLessThanOrEqual(1_024);
  const [, bad, retry] = Status.decode(bytes).details;
  const [first] = BadRequest.decode(bad!.value).fieldViolations;
  expect(first).toEqual({ field: 'tasks[0].env', description: 'x'.repeat(128) });
  expect(RetryInfo.decode(retry!.value).retryDelay?.seconds).toBe(1);
});

it('has the methods of the health protocol under the paths that probes call', () => {
  expect(HealthService.check.path).toBe('/grpc.health.v1.Health/Check');
  expect(HealthService.watch.path).toBe('/grpc.health.v1.Health/Watch');
});
