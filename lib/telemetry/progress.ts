// How far a job is, as plain numbers that it keeps up to date and that anybody may look at.

export type Phase =
  | 'starting'
  | 'uploading'
  | 'queued'
  | 'preparing'
  | 'unpacking'
  | 'planning'
  | 'checking'
  | 'waiting'
  | 'writing'
  | 'decoding'
  | 'reading'
  | 'finishing'
  | 'done';

export class Progress {
  phase: Phase = 'starting';
  /** The input at work, where one phase goes through several. */
  file = '';
  /** Bytes of the phase: done and, where it is known, in all. */
  bytes = 0;
  bytesTotal: number | undefined;
  /** Keys of the phase: done and, where it is known, in all. */
  keys = 0;
  keysTotal: number | undefined;
  /** Keys that the target refused. */
  failed = 0;

  /** Begins a phase with its counters at zero. */
  begin(phase: Phase, totals: { bytes?: number | undefined; keys?: number | undefined; file?: string } = {}): void {
    this.phase = phase;
    this.file = totals.file ?? '';
    this.bytes = 0;
    this.keys = 0;
    this.bytesTotal = totals.bytes;
    this.keysTotal = totals.keys;
  }
}
