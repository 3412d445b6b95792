// How a connection logs in: the one place that knows what goes into AUTH.
import type { Endpoint } from './endpoint.ts';

/**
 * The arguments of AUTH, for a connection that has just come up; `undefined` where no login is needed.
 *
 * @throws what the endpoint's own function for its password throws
 */
export async function authOf({ username, password }: Endpoint): Promise<string[] | undefined> {
  if (password === undefined) return undefined;
  const word = typeof password === 'string' ? password : await password();
  return username === undefined ? [word] : [username, word];
}
