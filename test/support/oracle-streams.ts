// The oracle's view of a stream: XINFO STREAM FULL with groups and consumers by name.
import { asMap } from './replies.ts';

/**
 * All that XINFO STREAM key FULL COUNT 0 says. Its times (seen-time, active-time, delivery times) are absolute.
 *
 * @returns groups as a record by name, their consumers likewise; entries and PELs as lists in the server's order
 */
export function streamDetails(reply: unknown): Record<string, unknown> {
  const stream = asMap(reply);
  return { ...stream, groups: byName(stream.groups, (group) => ({ ...group, consumers: byName(group.consumers) })) };
}

type Facts = Record<string, unknown>;

function byName(list: unknown, refine: (each: Facts) => Facts = (each) => each): Record<string, Facts> {
  const named: Record<string, Facts> = {};
  for (const item of list as unknown[]) {
    const { name, ...facts } = asMap(item);
    named[String(name)] = refine(facts);
  }
  return named;
}
