/**
 * What the gateway answers. Made by `npm run docs` of the schemas in src/http/answers.ts, which the routes and /openapi.json
 * are made of too: change those.
 */

export type PolicyWithContent =
  | {
      kind: 'full';
      description: string;
      name: string;
      /** answers requests that name no policy */
      default: boolean;
      /** of the content of the file */
      version: string;
      /** that it is used on */
      cascades: string[];
      /** by cascade: the operating point that serves now; of policies that have several, or audits */
      points?: {
        [k: string]: string;
      };
    }
  | {
      kind: 'threshold';
      description: string;
      /** what an exit compares with its threshold */
      score: 'max_probability' | 'margin' | 'entropy' | 'patience' | 'gate';
      /** mean: an exit speaks for all exits passed so far, with the mean of their probabilities */
      ensemble: 'none' | 'mean';
      /** service goal, exactly one key: under load the gateway serves cheaper points, and dearer ones again when the load goes */
      goal?: {
        /** this or macs_per_second: 19 of 20 requests shall be answered within this */
        latency_p95_ms?: number;
        /** this or latency_p95_ms: most multiply-accumulates a second of this policy; only where a cascade has two points down to its floor */
        macs_per_second?: number;
      };
      /** experiment between two policies */
      canary?: {
        /** that a share of the requests is answered with instead */
        policy: string;
        share: number;
        /** requests with the same value of this header get the same policy; without it each is drawn by itself */
        sticky_header?: string;
      };
      /** checks early exits on live traffic, when lanes have nothing else to do */
      audit?: {
        /** of the early exits that are checked with the full network, after the answer */
        share: number;
        /** when the checked answers agree less than this, beyond chance, a dearer point is served (drift) */
        min_agreement?: number;
      };
      cascades: {
        [k: string]: {
          /** after its first exit a picture goes on only where its multiply-accumulates stay within this */
          budget_macs?: number;
          /** label: least score with which an exit before the last may answer with it; where a wrong answer is dear */
          class_thresholds?: {
            [k: string]: number;
          };
          /** entry by content; without it every picture enters at the first rung */
          entry?: {
            /** of the route: where pictures enter that the rungs before it would hardly answer */
            rung: string;
            /** enter there when the probability is at least this */
            above: number;
            /** of the model */
            intercept: number;
            /** of the model, one per feature of the picture */
            weights: {
              log_pixels: number;
              bits_per_pixel: number;
              gradient: number;
              colour: number;
            };
          };
          /** rungs in the order in which a picture climbs them */
          route?: {
            /** backbone/width@resolution, as in cascade.yaml */
            rung: string;
            /** one per exit: leave when the score is at least this; null: never leave here. Exits beyond the list are not run */
            thresholds: (number | null)[];
            /** score `gate` only: one per exit; null where it has none */
            gates?: ({
              intercept: number;
              weights: {
                probability: number;
                margin: number;
                entropy: number;
                agreement: number;
              };
            } | null)[];
            /** not on the first rung: one per exit, the share that the last exit of the rung before has in what this one says; default: 0 */
            blend?: number[];
            /** passes over exits and rungs that would hardly help */
            skip?: {
              /** of this rung, from 1 */
              exit: number;
              /** a score under this is hopeless */
              below: number;
              /** later rung of the route that such a picture goes to at once */
              to: string;
            };
            /** share of pictures that come so far, as tuned: decides how large to decode what is no plain JPEG; default: half of the rung before */
            reach?: number;
          }[];
          /**
           * in place of route: dear to cheap; the first serves unless a goal or an audit chooses another
           *
           * Items: operating point
           */
          points?: {
            /** in answers and metrics */
            name: string;
            /** as `sluice tune` measured it */
            expected: {
              /** mean multiply-accumulates of a picture */
              macs: number;
              /** share of right answers */
              top1?: number;
              /** share of answers that are those of the full network */
              agreement: number;
            };
            /** entry by content; without it every picture enters at the first rung */
            entry?: {
              /** of the route: where pictures enter that the rungs before it would hardly answer */
              rung: string;
              /** enter there when the probability is at least this */
              above: number;
              /** of the model */
              intercept: number;
              /** of the model, one per feature of the picture */
              weights: {
                log_pixels: number;
                bits_per_pixel: number;
                gradient: number;
                colour: number;
              };
            };
            /** rungs in the order in which a picture climbs them */
            route: {
              /** backbone/width@resolution, as in cascade.yaml */
              rung: string;
              /** one per exit: leave when the score is at least this; null: never leave here. Exits beyond the list are not run */
              thresholds: (number | null)[];
              /** score `gate` only: one per exit; null where it has none */
              gates?: ({
                intercept: number;
                weights: {
                  probability: number;
                  margin: number;
                  entropy: number;
                  agreement: number;
                };
              } | null)[];
              /** not on the first rung: one per exit, the share that the last exit of the rung before has in what this one says; default: 0 */
              blend?: number[];
              /** passes over exits and rungs that would hardly help */
              skip?: {
                /** of this rung, from 1 */
                exit: number;
                /** a score under this is hopeless */
                below: number;
                /** later rung of the route that such a picture goes to at once */
                to: string;
              };
              /** share of pictures that come so far, as tuned: decides how large to decode what is no plain JPEG; default: half of the rung before */
              reach?: number;
            }[];
          }[];
          /** cheapest point that a goal may choose; default: the last */
          floor?: string;
          /** for people: what `sluice tune --risk` showed of the route, or of the first point, on pictures like those it was tested on */
          guarantee?: {
            /** at most this share of answers differs from the full network */
            risk: number;
            /** the probability that this is so, over the draw of the pictures */
            confidence: number;
            /** how many it was tested on */
            pictures: number;
          };
        };
      };
      name: string;
      /** answers requests that name no policy */
      default: boolean;
      /** of the content of the file */
      version: string;
      /** by cascade: the operating point that serves now; of policies that have several, or audits */
      points?: {
        [k: string]: string;
      };
    };

export interface Classification {
  /** of the request, as in X-Request-Id */
  id: string;
  cascade: string;
  policy: string;
  /** most probable first */
  predictions: Prediction[];
  /** the exit that answered */
  route: {
    backbone: string;
    /** share of the channels of a slimmable backbone */
    width: number;
    /** side of the square input, pixels */
    resolution: number;
    /** of this rung, from 1 */
    exit: number;
    /** what the exit said, calibrated; what it is depends on the score of the policy */
    score: number;
    /** why it stopped: sure enough, the last exit, no time left, no computation left */
    reason: 'confident' | 'final' | 'deadline' | 'budget';
    /** operating point, of policies that have several */
    point?: string;
    /** of the content of the policy */
    policy_version: string;
    /** with explain=true: every exit that was passed */
    steps?: Step[];
  };
  cost: {
    /** multiply-accumulates of this picture, counted from the graphs */
    macs: number;
    /** of the static choice: the last rung to its last exit */
    full_macs: number;
    /** macs / full_macs */
    ratio: number;
    /** all waiting: for a lane, a decoder, a batch */
    queue_ms: number;
    decode_ms: number;
    /** share of this picture in the batches that it was part of */
    inference_ms: number;
    total_ms: number;
  };
}

export interface Prediction {
  /** of the class, in the order of the logits */
  index: number;
  label: string;
  /** WordNet ID, where the cascade names it */
  wnid?: string;
  probability: number;
}

/** an exit that was passed */
export interface Step {
  backbone: string;
  /** share of the channels of a slimmable backbone */
  width: number;
  /** side of the square input, pixels */
  resolution: number;
  /** of this rung, from 1 */
  exit: number;
  /** what the exit said, calibrated; what it is depends on the score of the policy */
  score: number;
  /** null: this exit never answers */
  threshold: number | null;
  /** the answer is of this exit */
  exited: boolean;
}

export interface CascadeList {
  cascades: Cascade[];
}

export interface Cascade {
  name: string;
  /** answers requests that name no cascade */
  default: boolean;
  description: string;
  classes: number;
  full_macs: number;
  /** that speak of this cascade */
  policies: string[];
  /** cheap to dear */
  rungs: Rung[];
}

export interface Rung {
  /** backbone/width@resolution */
  id: string;
  backbone: string;
  /** share of the channels of a slimmable backbone */
  width: number;
  /** side of the square input, pixels */
  resolution: number;
  exits: Exit[];
}

export interface Exit {
  /** of this rung, from 1 */
  exit: number;
  /** of one picture, from the start of the rung to here */
  macs: number;
  /** pictures a run with the best throughput on this machine */
  batch: number;
  /** top-1, as cascade.yaml says it */
  accuracy?: number;
}

export interface CascadeWithLabels {
  name: string;
  /** answers requests that name no cascade */
  default: boolean;
  description: string;
  classes: number;
  full_macs: number;
  /** that speak of this cascade */
  policies: string[];
  /** cheap to dear */
  rungs: Rung[];
  /** in the order of the logits */
  labels: Label[];
}

export interface Label {
  name: string;
  wnid?: string;
}

export interface PolicyList {
  policies: Policy[];
  /** null: nothing was changed since the start */
  reload: Reload | null;
}

export interface Policy {
  name: string;
  /** answers requests that name no policy */
  default: boolean;
  /** of the content of the file */
  version: string;
  kind: 'full' | 'threshold';
  description: string;
  /** that it is used on */
  cascades: string[];
  /** by cascade: the operating point that serves now; of policies that have several, or audits */
  points?: {
    [k: string]: string;
  };
}

/** the last change of models/ and policies/ that was tried */
export interface Reload {
  at: string;
  result: 'accepted' | 'rejected';
  errors: {
    file: string;
    /** in the file; empty: the file as a whole */
    key: string;
    /** what was found, and what is allowed */
    reason: string;
  }[];
}

export interface Ready {
  status: 'ready' | 'not ready';
  lanes: {
    ready: number;
    starting: number;
  };
}

/** problem details, RFC 9457 */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** for people */
  detail: string;
  /** for programs; never changes its meaning */
  code: string;
}
