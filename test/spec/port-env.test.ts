import { expect, it } from 'vitest';
import { twinNames } from '../../src/spec/env-names.ts';
import { portEnv } from '../../src/spec/port-env.ts';

const HTTP = { label: 'http', hostIp: '192.0.2.7', hostPort: 22_001, to: 8_080 };

it('tells the port inside where there is one, and the host’s beside it', () => {
  expect(Object.fromEntries(portEnv({ ports: [HTTP] }))).toEqual({
    IP_http: '192.0.2.7',
    PORT_http: '8080',
    ADDR_http: '192.0.2.7:22001',
    HOST_IP_http: '192.0.2.7',
    HOST_PORT_http: '22001',
    HOST_ADDR_http: '192.0.2.7:22001',
    ALLOC_PORT_http: '8080',
  });
  const same = Object.fromEntries(portEnv({ ports: [{ ...HTTP, to: 0 }] }));
  expect(same).toMatchObject({ PORT_http: '22001', ALLOC_PORT_http: '22001' });
});

it('puts IPv6 addresses in brackets where a port follows', () => {
  const port = { label: 'db', hostIp: '2001:db8::1', hostPort: 5_432 };
  expect(Object.fromEntries(portEnv({ taskPorts: [port] }))).toMatchObject({
    IPv6_db: '2001:db8::1',
    IP_db: '2001:db8::1',
    ADDR_db: '[2001:db8::1]:5432',
    HOST_ADDR_db: '[2001:db8::1]:5432',
  });
});

it('tells the ports of other tasks, of upstreams and of the group’s own interface', () => {
  const env = portEnv({
    ports: [HTTP],
    otherTasks: [{ task: 'cache', ports: [{ label: 'x', hostIp: '192.0.2.7', hostPort: 9 }] }],
    upstreams: [{ name: 'count-api', ip: '127.0.0.1', port: 4_000 }],
    alloc: { interface: 'eth0', ip: '172.26.64.2' },
  });
  expect(Object.fromEntries(env)).toMatchObject({
    IP_cache_x: '192.0.2.7',
    PORT_cache_x: '9',
    ADDR_cache_x: '192.0.2.7:9',
    'UPSTREAM_ADDR_count-api': '127.0.0.1:4000',
    UPSTREAM_ADDR_count_api: '127.0.0.1:4000',
    UPSTREAM_PORT_count_api: '4000',
    ALLOC_INTERFACE_http: 'eth0',
    ALLOC_IP_http: '172.26.64.2',
    ALLOC_ADDR_http: '172.26.64.2:8080',
  });
});

it('has two clean names for each', () => {
  expect(twinNames('PORT_my-port')).toEqual(['NOMAD_PORT_my_port', 'HOLDFAST_PORT_my_port']);
});
