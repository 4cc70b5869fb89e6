/** The charts of the report, as Vega-Lite specifications, and from those to SVG. */

import type { TopLevelSpec } from 'vega-lite';
import { type Judged, judged } from '../compare.js';
import type { Outcome } from '../walk.js';
import type { ExitFigures, ReportContent } from './content.js';

interface Dot {
  /** Of the cost of the full network. */
  readonly ratio: number;
  /** Percent. */
  readonly quality: number;
  readonly what: string;
  readonly pictures: 'seen' | 'held out';
}

/** Cost against quality: the frontier and the rule of MSDNet as lines; the exits alone, the oracle and what was chosen as points. */
export function frontierChart(content: ReportContent): TopLevelSpec {
  const { seen, heldOut, solution, exits, rules, reached } = content;
  const { full, frontier, points } = solution;
  const { unit } = points[0]!.walk.terms;
  const quality = ({ top1, agreement }: Pick<Outcome, 'top1' | 'agreement'>) =>
    100 * (seen.labelled ? top1 : agreement);
  const dot = (what: string, pictures: Dot['pictures'], outcome: Outcome): Dot => ({
    ratio: outcome.cost / full.outcome.cost,
    quality: quality(outcome),
    what,
    pictures,
  });
  const both = (what: string, { seen, heldOut }: Judged) => [
    dot(what, 'seen', seen),
    ...(heldOut === undefined ? [] : [dot(what, 'held out', heldOut)]),
  ];
  const lines = [
    ...frontier.flatMap((point) => both('tuned', judged(point, heldOut))),
    ...rules.last.flatMap(({ rule }) => both('MSDNet rule, last rung', rule)),
    ...rules.route.flatMap(({ rule }) => both('MSDNet rule, chosen route', rule)),
  ];
  // Points of the pictures that judge: of both kinds they would hide one another.
  const judges = ({ seen, heldOut }: Judged) => heldOut ?? seen;
  const of = heldOut === undefined ? 'seen' : 'held out';
  const marks = [
    ...exits.map((exit) => ({
      ratio: exit[unit] / full.outcome.cost,
      quality: quality(exit),
      what: 'each exit alone',
    })),
    ...points.map((point) => dot('chosen', of, judges(judged(point, heldOut)))),
    ...(reached === undefined ? [] : [dot('oracle', of, judges(reached.oracle))]),
    // A field of its own, or its legend would be one with that of the lines.
  ].map(({ what, ratio, quality }) => ({ ratio, quality, mark: what }));
  const cost = unit === 'macs' ? 'multiply-accumulates' : 'inference time';
  const encoding = {
    x: { field: 'ratio', type: 'quantitative', title: `${cost} of a picture / full network` },
    y: {
      field: 'quality',
      type: 'quantitative',
      title: `${seen.labelled ? 'top-1' : 'agreement with the full network'}, %`,
      scale: { zero: false },
    },
  } as const;
  return {
    ...FRAME,
    title: `${seen.cascade}: cost against quality`,
    width: 640,
    height: 420,
    layer: [
      {
        data: { values: lines },
        mark: { type: 'line', strokeWidth: 1.5 },
        encoding: {
          ...encoding,
          color: { field: 'what', type: 'nominal', title: null },
          strokeDash: { field: 'pictures', type: 'nominal', title: null, sort: ['held out', 'seen'] },
          order: { field: 'ratio' },
        },
      },
      {
        data: { values: marks },
        mark: { type: 'point', filled: true, size: 50, color: '#333' },
        encoding: { ...encoding, shape: { field: 'mark', type: 'nominal', title: null } },
      },
    ],
  };
}

/** Confidence against accuracy of each exit of a rung; on the diagonal an exit is as sure as it is right. */
export function reliabilityChart(rung: string, exits: readonly ExitFigures[], labelled: boolean): TopLevelSpec {
  const title = labelled ? 'right' : 'as the full network';
  const axis = { type: 'quantitative' as const, scale: { domain: [0, 1] } };
  return {
    ...FRAME,
    title: `${rung}: reliability`,
    hconcat: exits.map(({ exit, bins, ece }) => ({
      title: `exit ${exit}, ECE ${(100 * ece).toFixed(1)} %`,
      width: 180,
      height: 180,
      layer: [
        {
          data: {
            values: [
              { confidence: 0, accuracy: 0 },
              { confidence: 1, accuracy: 1 },
            ],
          },
          mark: { type: 'line', strokeDash: [4, 4], color: '#999' },
          encoding: { x: { field: 'confidence', ...axis }, y: { field: 'accuracy', ...axis } },
        },
        {
          data: { values: bins },
          mark: { type: 'line', point: true },
          encoding: {
            x: { field: 'confidence', title: 'probability of the guess', ...axis },
            y: { field: 'accuracy', title: `share ${title}`, ...axis },
          },
        },
        {
          data: { values: bins },
          mark: { type: 'point', filled: true, opacity: 0.4 },
          encoding: {
            x: { field: 'confidence', ...axis },
            y: { field: 'accuracy', ...axis },
            size: { field: 'pictures', type: 'quantitative', legend: null },
          },
        },
      ],
    })),
  };
}

const FRAME = {
  background: 'white',
  config: { font: 'sans-serif', axis: { grid: true, gridColor: '#eee' }, legend: { labelLimit: 0 } },
} as const;

/** Loaded when a report is asked for: nobody else needs a chart library. */
export async function svgOf(spec: TopLevelSpec): Promise<string> {
  const [{ compile }, { parse, View }] = await Promise.all([import('vega-lite'), import('vega')]);
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
