// Passes a container's elements on and refuses one whose member came before.
import { quoteKey } from '../../errors.ts';
import type { Elements } from './elements.ts';
import { MemberIndex } from './member-index.ts';

/**
 * The elements, each checked against those before it.
 *
 * @param memberOf what must not come twice
 * @throws {RdbError} `RDB_DUPLICATE`: servers refuse to load such a value
 */
export function* distinct<T>(elements: Elements<T>, memberOf: (element: T) => Buffer): Generator<T, void, undefined> {
  const index = new MemberIndex((position) => memberOf(elements.at(position)));
  for (const element of elements) {
    const { position } = elements;
    const member = memberOf(element);
    if (!index.add(member, position)) {
      throw elements.error(`${quoteKey(member)} comes twice`, position, 'RDB_DUPLICATE');
    }
    yield element;
  }
}
