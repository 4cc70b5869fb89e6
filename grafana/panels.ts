/** The few kinds of panels that the dashboards are made of, and the variables that all of them have. */

import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

const SOURCE = { type: 'prometheus', uid: '$datasource' };

/** Label matchers of a gateway's series, and of those that are told apart by cascade and policy. */
export const GATEWAY = 'job=~"$job",instance=~"$instance"';
export const SERVICE = `${GATEWAY},cascade=~"$cascade",policy=~"$policy"`;
/** One rung and exit, for the eye. */
export const EXIT = '{{backbone}}/{{width}}@{{resolution}} exit {{exit}}';

/** PromQL, and how its series are called. */
export type Query = readonly [expr: string, legend: string];

export interface PanelSpec {
  readonly title: string;
  /** What it shows, and what is good. */
  readonly about: string;
  /** Grafana's name of a unit. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Of the 24 columns. */
  readonly span?: number;
  readonly max?: number;
}

/** `share`: stacked to a hundred percent, so that what the parts are of the whole can be read; `sum`: stacked. */
export function lines(spec: PanelSpec & { readonly stack?: 'share' | 'sum' }): Builder<dashboard.Panel> {
  const panel = new timeseries.PanelBuilder()
    .title(spec.title)
    .description(spec.about)
    .datasource(SOURCE)
    .unit(spec.unit)
    .min(0)
    .height(8)
    .span(spec.span ?? 12)
    .fillOpacity(spec.stack === undefined ? 5 : 60)
    .lineWidth(1)
    .showPoints(common.VisibilityMode.Never)
    .stacking(new common.StackingConfigBuilder().mode(stackingOf(spec.stack)))
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .calcs([]),
    )
    .targets(targets(spec.queries));
  return spec.max === undefined ? panel : panel.max(spec.max);
}

/** One number a series, of now. */
export function figure(spec: PanelSpec): Builder<dashboard.Panel> {
  return new stat.PanelBuilder()
    .title(spec.title)
    .description(spec.about)
    .datasource(SOURCE)
    .unit(spec.unit)
    .height(4)
    .span(spec.span ?? 4)
    .graphMode(common.BigValueGraphMode.Area)
    .colorMode(common.BigValueColorMode.None)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .targets(targets(spec.queries));
}

/** One bar a series, over the time that the dashboard shows. */
export function bars(spec: PanelSpec): Builder<dashboard.Panel> {
  const panel = new bargauge.PanelBuilder()
    .title(spec.title)
    .description(spec.about)
    .datasource(SOURCE)
    .unit(spec.unit)
    .min(0)
    .height(8)
    .span(spec.span ?? 12)
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .targets(spec.queries.map(([expr, legend], at) => target(expr, legend, at).instant()));
  return spec.max === undefined ? panel : panel.max(spec.max);
}

/** How often each bucket of a histogram was met, over time. */
export function buckets(spec: PanelSpec): Builder<dashboard.Panel> {
  return new heatmap.PanelBuilder()
    .title(spec.title)
    .description(spec.about)
    .datasource(SOURCE)
    .height(8)
    .span(spec.span ?? 12)
    .calculate(false)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(spec.unit))
    .color(new heatmap.HeatmapColorOptionsBuilder().mode(heatmap.HeatmapColorMode.Scheme).scheme('Oranges').steps(32))
    .targets(
      spec.queries.map(([expr, legend], at) => target(expr, legend, at).format(prometheus.PromQueryFormat.Heatmap)),
    );
}

export interface DashboardSpec {
  readonly uid: string;
  readonly title: string;
  readonly about: string;
  /** Beyond job, instance, cascade and policy. */
  readonly variables?: readonly Builder<dashboard.VariableModel>[];
  readonly rows: readonly { readonly title: string; readonly panels: readonly Builder<dashboard.Panel>[] }[];
}

export function board({ uid, title, about, variables = [], rows }: DashboardSpec): dashboard.Dashboard {
  const builder = new dashboard.DashboardBuilder(`Sluice: ${title}`)
    .uid(`sluice-${uid}`)
    .description(about)
    .tags(['sluice'])
    .readonly()
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .refresh('30s')
    .link(
      new dashboard.DashboardLinkBuilder('Sluice')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags(['sluice'])
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new dashboard.DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'));
  for (const variable of [
    labelOf('job', 'sluice_queue_depth'),
    labelOf('instance', 'sluice_queue_depth{job=~"$job"}'),
    labelOf('cascade', `sluice_exits_total{${GATEWAY}}`),
    labelOf('policy', `sluice_exits_total{${GATEWAY},cascade=~"$cascade"}`),
    ...variables,
  ])
    builder.withVariable(variable);
  for (const row of rows) {
    builder.withRow(new dashboard.RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel);
  }
  const built = builder.build();
  // Links to one panel go by its number.
  return { ...built, panels: built.panels!.map((panel, at) => ({ ...panel, id: at + 1 })) };
}

function labelOf(label: string, series: string): Builder<dashboard.VariableModel> {
  return (
    new dashboard.QueryVariableBuilder(label)
      .label(label)
      .datasource(SOURCE)
      .query(`label_values(${series}, ${label})`)
      .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
      .sort(dashboard.VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      // Also what has an empty label: refused requests that named nothing that exists.
      .allValue('.*')
      .current({ text: 'All', value: '$__all', selected: true })
  );
}

function targets(queries: readonly Query[]): Builder<Dataquery>[] {
  return queries.map(([expr, legend], at) => target(expr, legend, at).range());
}

function target(expr: string, legend: string, at: number): prometheus.DataqueryBuilder {
  return new prometheus.DataqueryBuilder()
    .refId(String.fromCharCode(65 + at))
    .datasource(SOURCE)
    .expr(expr)
    .legendFormat(legend);
}

function stackingOf(stack: 'share' | 'sum' | undefined): common.StackingMode {
  if (stack === undefined) return common.StackingMode.None;
  return stack === 'share' ? common.StackingMode.Percent : common.StackingMode.Normal;
}
