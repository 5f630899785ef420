/** The rooms of `src/`, from the ground up, and what each may import besides itself. ARCHITECTURE.md draws it. */

/** A room is a folder or a file of `src/`. A name with `:type` may be imported for its types only. */
export const ROOMS: Readonly<Record<string, string>> = {
  errors: '',
  ports: '',
  version: '',
  spec: 'errors',
  import: 'spec',
  config: 'spec',
  api: 'errors:type ports:type spec:type',
  'log-query': 'errors api:type',
  events: 'errors spec',
  machines: 'errors spec events',
  projections: 'api:type events machines spec',
  os: 'errors',
  log: 'errors ports events os',
  output: 'errors ports:type os',
  rpc: 'errors version os ports:type',
  hooks: 'errors ports spec events:type machines:type',
  engine: 'errors',
  drivers: 'errors ports spec events:type machines:type hooks:type os engine',
  network: 'errors ports:type os',
  layout: 'os hooks:type',
  'data-dir': 'errors',
  actors:
    'errors ports version api:type spec events machines projections log os output rpc hooks drivers network layout',
  plugin: 'errors ports:type spec:type events machines log os rpc drivers actors',
  local:
    'errors ports version api:type spec events machines projections log output drivers:type actors layout log-query',
  sinks: 'errors ports api:type spec events:type projections log:type',
  'option-claims': '',
  'orchestrator-options':
    'errors option-claims ports:type spec drivers:type hooks:type actors:type plugin:type',
  'orchestrator-parts':
    'ports log:type os hooks drivers layout:type actors plugin local orchestrator-options:type',
  orchestrator:
    'errors ports api:type spec log os layout data-dir actors local sinks orchestrator-options orchestrator-parts',
  // A rig for drivers is an agent as far as drivers see it.
  testing: 'errors ports spec events machines log os rpc hooks drivers actors',
  processes: 'errors os output rpc engine',
  server: 'errors ports:type api:type spec:type rpc log-query',
  client: 'errors ports:type api:type spec:type projections rpc server',
  http: 'errors ports version api:type spec projections server',
  doctor:
    'errors ports version api:type events machines projections log os rpc layout data-dir actors server client',
  cli: 'errors ports:type version api:type spec import config output data-dir layout rpc drivers orchestrator server client http doctor',
  // What who writes a driver may rely on.
  driver: 'errors spec:type machines:type drivers',
  index: 'errors ports:type version api:type spec events:type output hooks drivers orchestrator',
};

/** Rooms whose code is the same everywhere and at every time: no clock, no chance, no input, no output. */
export const PURE_ROOMS = ['spec', 'import', 'config', 'events', 'machines', 'projections'];

/** Which files may import which package: a room with `/`, or one file. `:type` as above. Others are for nobody. */
export const PACKAGES: Readonly<Record<string, string>> = {
  'better-sqlite3': 'log/sqlite.ts',
  xstate: 'machines/ actors/',
  rxjs: 'log/subscription.ts local/queries.ts api.ts:type local/:type client/:type',
  '@grpc/grpc-js': 'rpc/ server/ client/',
  '@bufbuild/protobuf': 'rpc/gen/ rpc/wire.ts:type server/descriptors.ts',
  koffi: 'os/',
  zod: 'spec/ config/',
  yaml: 'cli/',
  commander: 'cli/',
  liquidjs: 'hooks/templates/',
  tar: 'hooks/artifacts/',
  yauzl: 'hooks/artifacts/',
  aws4fetch: 'hooks/artifacts/',
  ws: 'http/upgrade.ts http/:type',
  '@nats-io/transport-node': 'sinks/nats-sink.ts',
  '@nats-io/jetstream': 'sinks/nats-sink.ts',
};

/** Who may import what `buf generate` wrote: the actors only to name the services that they call. */
export const GENERATED_FOR = ['rpc', 'server', 'client', 'processes', 'actors', 'plugin'];

/** Names that say nothing. `data` has one meaning here: the data directory. */
export const EMPTY_WORDS =
  'manager handler helper helpers util utils misc common base impl data info stuff'.split(' ');
