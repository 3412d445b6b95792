// When keys expire, and when they were last used where the file tells.
import { h } from '../dom.ts';
import { histogram } from '../histogram.ts';
import { formatTime } from '../numbers.ts';
import { type Section, section } from '../section.ts';

export const expiry: Section = (context) => {
  const { report } = context;
  if (report.totals.keys === 0) return null;
  const { ttl, idle, lfu } = report.histograms;
  const use = [
    idle.length > 0 && histogram('Idle time', 'Since the last read or write, as the file recorded it.', idle, context),
    lfu.length > 0 &&
      histogram('Access frequency', 'The LFU counter, which grows with the logarithm of uses.', lfu, context),
  ].filter((figure) => figure !== false);
  return section(
    'expiry',
    use.length > 0 ? 'Expiry and use' : 'Expiry',
    `Judged at ${formatTime(report.now)}.`,
    h(
      'div',
      { class: use.length > 0 ? 'halves' : 'whole' },
      histogram('Time to live', 'Until a key expires.', ttl, context, ['no expiry', 'expired']),
      ...use,
    ),
  );
};
