// The library: what a program needs to plan RDB files, restore them into a live server, back servers up and copy them.
export {
  type ErrorDetails,
  InputError,
  InterruptedError,
  KeyferryError,
  LocalError,
  RdbError,
  SourceError,
  TargetError,
  UsageError,
} from './errors.ts';
export type { FilterRules } from './filter/filter.ts';
export { type Backup, choosePrunable, type KeepRules, listBackups, removeBackup } from './jobs/backups.ts';
export { type DamagedKey, type DecodeOptions, type DecodeReport, decode } from './jobs/decode.ts';
export { type DecodeManifest, type ManifestPart, parseManifest } from './jobs/decode-manifest.ts';
export { type DoctorOptions, type DoctorReport, doctor } from './jobs/doctor.ts';
export type { Finding } from './jobs/doctor-findings.ts';
export { type DumpOptions, type DumpReport, dump } from './jobs/dump/dump.ts';
export type { BackupManifest, BackupShard } from './jobs/dump/manifest.ts';
export { type Inspected, type InspectOptions, inspect } from './jobs/inspect.ts';
export { jsonToRdb, type LoadOptions } from './jobs/load.ts';
export { PartFiles, type PartFilesOptions } from './jobs/part-files.ts';
export type { FunctionTally, Outcome, RestoreReport } from './jobs/report.ts';
export { type RestoreOptions, restore } from './jobs/restore.ts';
export { type RumpOptions, type RumpReport, rump } from './jobs/rump.ts';
export { type VerifiedFile, type VerifyOptions, type VerifyReport, verifyBackup } from './jobs/verify-backup.ts';
export type { AddressMap } from './redis/cluster-slots.ts';
export {
  type BesideUrl,
  parseRedisUrl,
  type RedisUrl,
  type SentinelSettings,
  type TlsSettings,
} from './redis/endpoint.ts';
export type { TargetMode } from './redis/open-fleet.ts';
export { type InputOptions, openRdb, type RdbInput } from './sources/rdb/input.ts';
export { type Chunk, type Plan, type PlanOptions, planRdb } from './sources/rdb/plan.ts';
export type { ByteSource, SourcePin } from './storage/byte-source.ts';
export { openFile } from './storage/file-source.ts';
export { type Output, openOutput } from './storage/output.ts';
export type * from './targets/inspect/report.ts';
export { SHAPE_NAMES, type ShapeName } from './targets/json/shape.ts';
export { type AnyLoss, LOSS_WORDS } from './targets/redis/losses.ts';
export type { ConflictPolicy, ExpiryRule } from './targets/redis/policy.ts';
export type { FailedKey, Losses, Tally } from './targets/redis/tally.ts';
export { type Phase, Progress } from './telemetry/progress.ts';
export { version } from './version.ts';
