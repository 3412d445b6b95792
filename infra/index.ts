// keyferry/infra: the constructs of the stack, for apps of your own. Needs aws-cdk-lib and constructs beside it.

export { type Config, parseConfig, readConfig } from '../lib/config/index.ts';
export { Backups, type BackupsProps } from './backups.ts';
export { DecodePipeline, type DecodePipelineProps } from './decode-pipeline.ts';
export { Door, type DoorProps } from './door.ts';
export { DumpPipeline, type DumpPipelineProps } from './dump-pipeline.ts';
export { FerryFunction, type FerryFunctionProps, type FunctionCommons } from './ferry-function.ts';
export { FerryMachine, type FerryMachineProps } from './ferry-machine.ts';
export { codeFrom, type FunctionCode, ownCode } from './function-code.ts';
export { KeyferryStack, type KeyferryStackProps } from './keyferry-stack.ts';
export { Network, type NetworkProps } from './network.ts';
export { Notices, type NoticesProps } from './notices.ts';
export { type Dumped, type Operated, Operations, type OperationsProps } from './operations.ts';
export { RestorePipeline, type RestorePipelineProps } from './restore-pipeline.ts';
export { type FunctionSettings, SharedFunctions, type SharedFunctionsProps } from './shared-functions.ts';
export { Store, type StoreProps } from './store.ts';
export { Stray, type StrayProps } from './stray.ts';
