/** The ends of a chart's axis. Pure. */

/**
 * From 0, or from below what is less (a policy that spends more than the full network saves less than nothing).
 * @param least and `most` of what is drawn; null: nothing is
 * @param top fixed upper end
 */
export function rangeOf(least: number | null, most: number | null, top?: number): [number, number] {
  const low = Math.min(0, (least ?? 0) * 1.15);
  return [low, top ?? Math.max(1e-9, (most ?? 0) * 1.15 || 1)];
}
