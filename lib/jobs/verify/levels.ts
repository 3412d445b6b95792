// How deep a backup can be verified; apart, so that a help text needs nothing else.

export type VerifyLevel = 'quick' | 'checksum' | 'full' | 'restore';

/** Each does what those before it do. */
export const VERIFY_LEVELS: readonly VerifyLevel[] = ['quick', 'checksum', 'full', 'restore'];
