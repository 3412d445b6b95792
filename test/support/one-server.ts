// A single server as a locator: nothing to find out.
import type { Endpoint } from '../../lib/redis/endpoint.ts';
import type { Locator } from '../../lib/redis/locator.ts';

export const oneServer = (endpoint: Endpoint): Locator => ({
  locate: () => endpoint,
  redirect: () => undefined,
  refresh: async () => undefined,
});
