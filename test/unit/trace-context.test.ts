import { describe, expect, it } from 'vitest';
import { logFieldsOf, parseTraceParent, traceParentOf } from '../../src/telemetry/trace-context.js';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';

describe('traceparent', () => {
  it.each([
    ['sampled', `00-${trace}-${span}-01`, true],
    ['not sampled', `00-${trace}-${span}-00`, false],
    ['with flags of later versions', `00-${trace}-${span}-fe`, false],
    ['of a later version that says more', `cc-${trace}-${span}-01-what`, true],
  ])('is read: %s', (_, header, sampled) => {
    expect(parseTraceParent(header)).toEqual({ traceId: trace, spanId: span, sampled });
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['given twice', `00-${trace}-${span}-01, 00-${trace}-${span}-01`],
    ['in capitals', `00-${trace.toUpperCase()}-${span}-01`],
    ['of the forbidden version', `ff-${trace}-${span}-01`],
    ['of no trace', `00-${'0'.repeat(32)}-${span}-01`],
    ['of no span', `00-${trace}-${'0'.repeat(16)}-01`],
    ['too long for its version', `00-${trace}-${span}-01-more`],
    ['too short', `00-${trace}-${span}`],
  ])('is nothing where it is %s', (_, header) => {
    expect(parseTraceParent(header)).toBeUndefined();
    expect(logFieldsOf(header)).toBeUndefined();
  });

  it('is written as it is read', () => {
    const header = `00-${trace}-${span}-01`;
    expect(traceParentOf(parseTraceParent(header)!)).toBe(header);
    expect(logFieldsOf(header)).toEqual({ trace_id: trace, span_id: span, trace_flags: '01' });
  });
});
