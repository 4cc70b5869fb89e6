/** Until when a request is worked on: its deadline, and its caller's hanging up. */

/** A lane answers by the deadline with its best exit; one that has not after this long is stuck in a run or a decode. */
const LANE_GRACE_MS = 500;

export interface PatienceEvents {
  /** The deadline passed. @returns false where a lane has the request: it has a moment more to answer */
  late(): boolean;
  /** That moment passed too. */
  stuck(): void;
  /** The caller hung up. */
  gone(): void;
}

/** @param deadlineAt milliseconds since the epoch, Infinity without one @returns to be called when the request is settled */
export function watchOver(deadlineAt: number, signal: AbortSignal | undefined, events: PatienceEvents): () => void {
  let timer: NodeJS.Timeout | undefined;
  if (Number.isFinite(deadlineAt)) {
    const late = () => {
      if (!events.late()) timer = setTimeout(() => events.stuck(), LANE_GRACE_MS);
    };
    timer = setTimeout(late, Math.max(0, deadlineAt - Date.now()));
  }
  const gone = () => events.gone();
  signal?.addEventListener('abort', gone, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', gone);
  };
}
