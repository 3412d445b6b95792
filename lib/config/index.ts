// The configuration as others use it: infra/, cli/ and functions/ import this file and no other of the room.
export { endpointParts } from './endpoint-url.ts';
export { configJsonSchema, type JsonSchema } from './json-schema.ts';
export { type LoadedConfig, parseConfig, readConfig } from './load.ts';
export { ConfigError, type Remark, showRemark } from './mistakes.ts';
export { endpointUsdPerMonth, PRICES_OF } from './prices.ts';
export type { CaSettings, Config, SourceSettings, TargetSettings, TargetTls } from './resolve.ts';
export { RESTORE_OPTIONS } from './restore-options.ts';
export { longestGap } from './schedule.ts';
