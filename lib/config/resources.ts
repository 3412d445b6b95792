// How large the stack of a configuration gets: CloudFormation takes 500 resources a stack
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
import type { Config } from './resolve.ts';

export const MOST_RESOURCES = 500;

/** As the constructs make them, with all that is optional. A test counts a stack's own. */
const RESOURCES = { stack: 68, target: 34, source: 27, network: 5 };

/** At most so many resources are in the stack. */
export function countResources({
  targets,
  sources,
  networks,
}: Pick<Config, 'targets' | 'sources' | 'networks'>): number {
  const counts = { target: targets, source: sources, network: networks };
  return Object.entries(counts).reduce(
    (sum, [kind, all]) => sum + RESOURCES[kind as keyof typeof counts] * Object.keys(all).length,
    RESOURCES.stack,
  );
}
