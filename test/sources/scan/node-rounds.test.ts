// When a cluster's node is scanned anew: slots that came to it count, also those that came between two runs.
import { expect, test } from 'vitest';
import { countProcesses, NodeRounds } from '../../../lib/sources/scan/node-rounds.ts';

const SLOTS = 16_384;

function slots(...ranges: [number, number][]): Uint8Array {
  const all = new Uint8Array(SLOTS);
  for (const [from, to] of ranges) all.fill(1, from, to + 1);
  return all;
}

/** The places that a run leaves which has begun a scan with these slots. */
function placesAfter(rounds: NodeRounds, id: string, own: Uint8Array, places = new Map<string, string>()) {
  const { name, begins } = rounds.begin(id, own);
  if (begins !== undefined) places.set(begins.stream, begins.to);
  return places.set(`${name}/run/0`, '17');
}

test('a scan goes on where the node has no slots but those of its beginning', () => {
  const own = slots([0, 99], [200, 200], [16_000, SLOTS - 1]);
  const places = placesAfter(new NodeRounds(new Map()), 'a', own);
  expect(new NodeRounds(places).begin('a', own)).toEqual({ name: 'a', n: 1, begins: undefined });
  expect(new NodeRounds(places).begin('a', slots([0, 50]))).toMatchObject({ name: 'a', begins: undefined });
});

test('a slot that came between two runs begins the node’s scan anew, and the run after it goes on with that one', () => {
  const places = placesAfter(new NodeRounds(new Map()), 'a', slots([0, 99]));
  const more = slots([0, 100]);
  expect(new NodeRounds(places).begin('a', more)).toMatchObject({ name: 'a@2', n: 2, begins: { entries: [] } });
  placesAfter(new NodeRounds(places), 'a', more, places);
  expect(new NodeRounds(places).begin('a', more)).toEqual({ name: 'a@2', n: 2, begins: undefined });
  expect(new NodeRounds(places).begin('ab', more)).toMatchObject({ name: 'ab', n: 1 });
});

test('within a run each scan of a node has a number of its own', () => {
  const rounds = new NodeRounds(new Map());
  expect(rounds.begin('a', slots([0, 9])).name).toBe('a');
  expect(rounds.begin('a', slots([0, 10]))).toMatchObject({ name: 'a@2', begins: { to: 'end' } });
});

test('processes of a node are told apart, and those of other nodes do not count', () => {
  const streams = ['a/run1/0', 'a/run1/5', 'a/run2/0', 'b/run3/0', 'a/slots=0-5'];
  const places = new Map(streams.map((stream) => [stream, '1']));
  expect(countProcesses(places, 'a')).toBe(2);
  expect(countProcesses(places, 'h:1')).toBe(0);
});
