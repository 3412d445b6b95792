// What an RDB can hold that no command restores.
import { parseModuleId } from '../../rdb/module-id.ts';
import { type RdbScanner, ScanEvent } from '../../rdb/scanner.ts';

/** The record that the scanner has found, in words, where it is of that kind. */
export function unrestorable(scanner: RdbScanner, event: ScanEvent): string | undefined {
  switch (event) {
    case ScanEvent.FUNCTION_PRE_GA:
      return 'functions of a release candidate of Redis 7.0';
    case ScanEvent.MODULE_AUX:
      return `global data of module type ${parseModuleId(scanner.moduleId).name}`;
    case ScanEvent.SLOT_IMPORT:
      return 'a slot import in progress';
  }
  return undefined;
}
