/** One chart of the last minutes: uPlot in the colours of the page, with its last values as text beside it. */

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { rangeOf } from './chart-range.js';
import { onThemeChange } from './theme.js';
import { timeOfDay } from './units.js';

export interface Series {
  readonly label: string;
  /** CSS colour; `var(--name)` is resolved. */
  readonly colour: string;
  /** undefined: no value there. */
  readonly values: readonly (number | undefined)[];
}

export interface ChartProps {
  readonly title: string;
  /** What it shows now, or since when nothing, as text. */
  readonly now: string;
  /** Seconds since the epoch, of each value. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** area: each filled; stack: shares of one whole, the first at the bottom. */
  readonly look: 'area' | 'lines' | 'stack';
  /** Of the axis. */
  readonly unit: (value: number) => string;
  /** Fixed upper end of the axis. */
  readonly top?: number;
}

const HEIGHT = 150;
/** The window grows with what there is to see. */
const LEAST_SECONDS = 60;

export function Chart({ title, now, times, series, look, unit, top }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const data = [[...times], ...columnsOf(series, look)] as uPlot.AlignedData;
  const newest = useRef(data);
  newest.current = data;
  // Another set of lines is another chart; other values are not.
  const shape = JSON.stringify([look, top, series.map(({ label, colour }) => [label, colour])]);

  // `shape` says when to draw anew
  useEffect(() => {
    const at = place.current!;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(at, { series, look, unit, top }), newest.current, at);
    };
    draw();
    const sizes = new ResizeObserver(() => plot.current?.setSize({ width: at.clientWidth, height: HEIGHT }));
    sizes.observe(at);
    const forget = onThemeChange(draw);
    return () => {
      forget();
      sizes.disconnect();
      plot.current?.destroy();
    };
  }, [shape]);

  useEffect(() => plot.current?.setData(newest.current));

  return (
    <figure class="card chart">
      <figcaption>
        <h3>{title}</h3>
        <p>{now}</p>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title}, last minutes. Now: ${now}`} />
      {series.length > (look === 'stack' ? 0 : 1) && (
        <ul class="chart-legend">
          {series.map(({ label, colour }) => (
            <li key={label}>
              <span class="swatch" style={{ background: colour }} />
              {label}
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}

/** Stacked: sums from the bottom, the highest first, so that the lower ones are painted over it. */
function columnsOf(series: readonly Series[], look: ChartProps['look']): (number | null)[][] {
  if (look !== 'stack') return series.map(({ values }) => values.map((value) => value ?? null));
  const sums: (number | null)[][] = [];
  for (const { values } of series) {
    const below = sums.at(-1);
    sums.push(values.map((value, at) => (value === undefined ? null : value + (below?.[at] ?? 0))));
  }
  return sums.reverse();
}

function optionsOf(
  at: HTMLElement,
  { series, look, unit, top }: Pick<ChartProps, 'series' | 'look' | 'unit'> & { top: number | undefined },
): uPlot.Options {
  const colour = resolverAt(at);
  const [ink, line] = [colour('var(--soft)'), colour('var(--line)')];
  const axis = {
    stroke: ink,
    font: '11px system-ui, sans-serif',
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  };
  const lines = look === 'stack' ? [...series].reverse() : series;
  return {
    width: at.clientWidth,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { range: (_plot, from, to) => [Math.min(from, to - LEAST_SECONDS), to] },
      y: { range: (_plot, least, most) => rangeOf(least, most, top) },
    },
    axes: [
      { ...axis, size: 26, space: 70, values: (_plot, ticks) => ticks.map((seconds) => timeOfDay(seconds * 1000)) },
      { ...axis, size: 58, space: 36, values: (_plot, ticks) => ticks.map(unit) },
    ],
    series: [
      {},
      ...lines.map(({ label, colour: named }) => {
        const stroke = colour(named);
        const fill = look === 'stack' ? { fill: stroke } : look === 'area' ? { fill: faint(stroke) } : {};
        return { label, stroke, width: look === 'stack' ? 0 : 2, points: { show: false }, ...fill };
      }),
    ],
  };
}

/** A canvas knows no variables of CSS: the browser says what a colour is at this place. */
function resolverAt(at: HTMLElement): (colour: string) => string {
  return (colour) => {
    const probe = at.appendChild(document.createElement('span'));
    probe.style.color = colour;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
}

/** @param colour as `getComputedStyle` gives it: rgb(1, 2, 3) */
function faint(colour: string): string {
  return colour.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.16)');
}
