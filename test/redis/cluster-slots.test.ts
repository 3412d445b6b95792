import { describe, expect, test } from 'vitest';
import { NOBODY, parseClusterSlots } from '../../lib/redis/cluster-slots.ts';
import type { Endpoint } from '../../lib/redis/endpoint.ts';

const seed: Endpoint = { host: '10.0.0.1', port: 7000, username: 'ferry', password: 'secret' };
const node = (host: string | null, port: number, id: string) => [
  host === null ? null : Buffer.from(host),
  `${port}`,
  id,
];

describe('the map of a cluster', () => {
  test('says who serves which slot, and how to log in there', () => {
    const map = parseClusterSlots(
      [
        ['0', '8191', node('10.0.0.1', 7000, 'a'), node('10.0.0.4', 7000, 'd')],
        ['8192', '16383', node('10.0.0.2', 7000, 'b')],
      ],
      { seed },
      seed,
    );
    expect(map.masters).toEqual([
      { id: 'a', endpoint: seed, replicas: 1 },
      { id: 'b', endpoint: { ...seed, host: '10.0.0.2' }, replicas: 0 },
    ]);
    expect([map.owners[0], map.owners[8191], map.owners[8192], map.owners[16_383]]).toEqual([0, 0, 1, 1]);
    expect(map.nodes.map(({ host }) => host)).toEqual(['10.0.0.1', '10.0.0.4', '10.0.0.2']);
  });

  test('leaves slots to nobody that it does not name', () => {
    const { owners } = parseClusterSlots([['5', '5', node('10.0.0.1', 7000, 'a')]], { seed }, seed);
    expect([owners[4], owners[5], owners[6]]).toEqual([NOBODY, 0, NOBODY]);
  });

  test.each([null, '', '?'])('takes the host %j for that of the node that was asked', (host) => {
    const asked = { ...seed, host: 'seed.example' };
    const { masters } = parseClusterSlots([['0', '16383', node(host, 7001, 'a')]], { seed }, asked);
    expect(masters[0]?.endpoint).toMatchObject({ host: 'seed.example', port: 7001 });
  });

  test('follows an address map, IPv6 too', () => {
    const map = new Map([
      ['10.0.0.1:7000', '[2001:db8::7]:9000'],
      ['10.0.0.2:7000', 'nat.example:9001'],
    ]);
    const { masters } = parseClusterSlots(
      [
        ['0', '1', node('10.0.0.1', 7000, 'a')],
        ['2', '3', node('10.0.0.2', 7000, 'b')],
      ],
      { seed, map },
      seed,
    );
    expect(masters.map(({ endpoint: { host, port } }) => [host, port])).toEqual([
      ['2001:db8::7', 9000],
      ['nat.example', 9001],
    ]);
  });

  test('keeps the places of masters that were known before: batches are sorted by place', () => {
    const slots = (...ids: string[]) => ids.map((id, i) => [`${i}`, `${i}`, node('10.0.0.1', 7000 + i, id)]);
    const before = parseClusterSlots(slots('a', 'b', 'c'), { seed }, seed);
    const after = parseClusterSlots(slots('d', 'c', 'a'), { seed }, seed, before.masters);
    expect(after.masters.map(({ id }) => id)).toEqual(['a', 'c', 'd']);
    expect([...after.owners.subarray(0, 3)]).toEqual([2, 1, 0]);
  });

  test.each([
    ['a text', 'OK'],
    ['a slot that does not exist', [['0', '16384', node('10.0.0.1', 7000, 'a')]]],
    ['a slot that is no number', [['x', 'y', node('10.0.0.1', 7000, 'a')]]],
    ['a range without a node', [['0', '1']]],
  ])('is refused when it is %s', (_, reply) => {
    expect(() => parseClusterSlots(reply as never, { seed }, seed)).toThrow(
      expect.objectContaining({ code: 'CLUSTER_MAP' }),
    );
  });
});
