/** grpc.reflection.v1: grpcurl and its like need no copy of our .proto files. */
import { status, type handleBidiStreamingCall } from '@grpc/grpc-js';
import {
  ServerReflectionService,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../rpc/gen/grpc/reflection/v1/reflection.ts';
import { drained } from '../rpc/grpc-answer.ts';
import type { Service } from '../rpc/grpc-serve.ts';
import type { DescriptorIndex, Descriptors } from './descriptors.ts';

type Answer = ServerReflectionResponse['messageResponse'];

/** `served` are the full names of the services beside this one. */
export function reflectionService(served: readonly string[]): Service {
  const names = [...served, 'grpc.reflection.v1.ServerReflection'].toSorted();
  let index: Promise<DescriptorIndex> | undefined;
  const info: handleBidiStreamingCall<ServerReflectionRequest, ServerReflectionResponse> = (
    call,
  ) => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    const answerAll = async (): Promise<void> => {
      for await (const message of call) {
        const request = message as ServerReflectionRequest;
        index ??= import('./descriptors.ts').then(({ readDescriptors }) => readDescriptors());
        const messageResponse = answerTo(request, await index, names);
        const answer = { validHost: request.host, originalRequest: request, messageResponse };
        if (!call.write(answer)) await drained(call, gone.signal);
      }
      call.end();
    };
    answerAll().catch(() => call.destroy());
  };
  return { definition: ServerReflectionService, handlers: { serverReflectionInfo: info } };
}

function answerTo(
  { messageRequest }: ServerReflectionRequest,
  index: DescriptorIndex,
  names: readonly string[],
): Answer {
  switch (messageRequest?.$case) {
    case 'listServices':
      return {
        $case: 'listServicesResponse',
        value: { service: names.map((name) => ({ name })) },
      };
    case 'fileByFilename':
      return found(index.fileNamed(messageRequest.value), messageRequest.value);
    case 'fileContainingSymbol':
      return found(index.fileDeclaring(messageRequest.value), messageRequest.value);
    case 'fileContainingExtension':
    case 'allExtensionNumbersOfType':
      return failure(status.NOT_FOUND, 'there are no extensions here');
    case undefined:
      return failure(status.INVALID_ARGUMENT, 'the request asks for nothing that is known here');
  }
}

function found(files: Descriptors | undefined, name: string): Answer {
  if (files === undefined) return failure(status.NOT_FOUND, `there is no ${name} here`);
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: [...files] } };
}

function failure(errorCode: number, errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}
