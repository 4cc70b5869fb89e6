/** What Grafana's own schemas (its Foundation SDK) say of the parts of a dashboard that ours consist of. */

import type * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import type * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import type * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import type * as stat from '@grafana/grafana-foundation-sdk/stat';
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** `options` and `custom`, which the schema of a dashboard leaves open: those of the panel's plugin. */
interface Plugins {
  timeseries: { options: timeseries.Options; custom: timeseries.FieldConfig };
  heatmap: { options: heatmap.Options; custom: heatmap.FieldConfig };
  stat: { options: stat.Options };
  bargauge: { options: bargauge.Options };
}

export interface Grafana {
  dashboard: Omit<dashboard.Dashboard, 'panels'>;
  panel: Omit<dashboard.Panel, 'targets'>;
  row: dashboard.RowPanel;
  query: prometheus.Dataquery;
  plugins: Plugins;
}
