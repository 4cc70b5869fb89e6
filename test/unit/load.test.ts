import { describe, expect, it } from 'vitest';
import { LoadMeter } from '../../src/gateway/load.js';

const SECOND = 1000;
/** Requests of `service` for three seconds, each answered at once with these lane milliseconds. */
function traffic(
  meter: LoadMeter,
  service: string,
  perSecond: number,
  decodeMs: number,
  inferenceMs: number,
  macs = 100,
) {
  for (let i = 0; i < 3 * perSecond; i++) {
    const now = 10_000 + (i * SECOND) / perSecond;
    meter.arrived(service, now);
    meter.answered(service, { decodeMs, inferenceMs }, macs, now);
  }
}
const END = 13_000;

describe('the load of a service', () => {
  it('is its rate and the lane time of its requests', () => {
    const meter = new LoadMeter();
    traffic(meter, 'a', 50, 2, 10);
    const load = meter.load('a', 100, 0, 2, END);
    expect(load.ratePerSecond).toBeGreaterThan(45);
    expect(load.ratePerSecond).toBeLessThan(55);
    expect(load.fixedMs).toBeCloseTo(2, 6);
    expect(load.inferenceMs).toBeCloseTo(10, 6);
    expect(load).toMatchObject({ lanes: 2, othersBusy: 0, waitMs: 0 });
  });

  it('scales inference to the multiply-accumulates of the point that serves now', () => {
    const meter = new LoadMeter();
    traffic(meter, 'a', 50, 2, 10, 100);
    expect(meter.load('a', 25, 0, 2, END).inferenceMs).toBeCloseTo(2.5, 6);
  });

  it('remembers what each point took, for a service of its own', () => {
    const meter = new LoadMeter();
    traffic(meter, 'a', 50, 2, 10, 100);
    traffic(meter, 'a', 50, 2, 4, 25);
    traffic(meter, 'b', 50, 2, 7, 100);
    expect([...meter.load('a', 25, 0, 2, END + 60_000).remembered]).toEqual([
      [100, 10],
      [25, 4],
    ]);
  });

  it('remembers mostly the last ones', () => {
    const meter = new LoadMeter();
    traffic(meter, 'a', 50, 2, 10);
    traffic(meter, 'a', 50, 2, 20);
    expect(meter.load('a', 100, 0, 2, END).remembered.get(100)).toBeCloseTo(20, 4);
  });

  it('keeps apart what others take', () => {
    const meter = new LoadMeter();
    traffic(meter, 'a', 50, 0, 10);
    traffic(meter, 'b', 100, 0, 5);
    const { othersBusy, inferenceMs } = meter.load('a', 100, 0, 2, END);
    expect(othersBusy).toBeCloseTo(0.5, 1);
    expect(inferenceMs).toBeCloseTo(10, 6);
  });

  it('expects a request to wait for those before it, as fast as the lanes have been or could be', () => {
    const meter = new LoadMeter();
    // 12 ms of two lanes: 167 a second
    traffic(meter, 'a', 50, 2, 10);
    expect(meter.load('a', 100, 50, 2, END).waitMs).toBeCloseTo(300, 0);
  });

  it('does not believe decodes that overlap to have taken more time than there is', () => {
    const meter = new LoadMeter();
    // 200 a second on two lanes can have taken 10 ms of lane time each at the most, whatever the clocks said
    traffic(meter, 'a', 200, 20, 20);
    const { fixedMs, inferenceMs } = meter.load('a', 100, 0, 2, END);
    expect(fixedMs + inferenceMs).toBeGreaterThan(9);
    expect(fixedMs + inferenceMs).toBeLessThan(11);
    expect(fixedMs).toBeCloseTo(inferenceMs, 6);
  });

  it('fades: a minute later nothing is left', () => {
    const meter = new LoadMeter();
    traffic(meter, 'a', 50, 2, 10);
    expect(meter.load('a', 100, 0, 2, END + 60_000).ratePerSecond).toBeLessThan(1e-6);
  });

  it('is nothing for a service that nobody asked', () => {
    expect(new LoadMeter().load('a', 100, 5, 2, END)).toEqual({
      ratePerSecond: 0,
      fixedMs: 0,
      inferenceMs: 0,
      remembered: new Map(),
      lanes: 2,
      othersBusy: 0,
      waitMs: 0,
    });
  });
});
