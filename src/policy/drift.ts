/** Whether audited answers agree less with the full network than their policy promises. Pure. */

/** Audits of one operating point. */
export interface Audits {
  readonly agreed: number;
  readonly checked: number;
}

/** Fewer audits say too little to act on; and as many go by from one look at them to the next, as each look may be a false alarm. */
const LEAST = 50;
/** At so many both counts are halved: what was true a year ago would outweigh today. */
const MOST = 4000;
/** Standard normal quantile of 99.9 %, one-sided: a false alarm costs compute. */
const Z = 3.09;

/** Upper bound of the true agreement: Wilson's score interval (JASA 22, 1927), one-sided, 99.9 %. */
export function upperAgreement({ agreed, checked }: Audits): number {
  if (checked === 0) return 1;
  const share = agreed / checked;
  const square = (Z * Z) / checked;
  return (share + square / 2 + Z * Math.sqrt((share * (1 - share)) / checked + square / (4 * checked))) / (1 + square);
}

/** Adds one. */
export function withAudit({ agreed, checked }: Audits, agrees: boolean): Audits {
  const weight = checked >= MOST ? 0.5 : 1;
  return { agreed: weight * agreed + Number(agrees), checked: weight * checked + 1 };
}

/** True when chance alone does not explain that so few agreed. */
export function hasDrifted(audits: Audits, minAgreement: number): boolean {
  const { checked } = audits;
  return checked >= LEAST && checked % LEAST === 0 && upperAgreement(audits) < minAgreement;
}
