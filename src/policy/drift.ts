/** Whether audited answers agree less with the full network than their policy promises. Pure. */

/** Audits of one operating point. */
export interface Audits {
  readonly agreed: number;
  readonly checked: number;
}

/** Fewer audits say too little to act on. */
const LEAST = 50;
/** Standard normal quantile of 99.9 %, one-sided: every audit is a look, and a false alarm costs compute. */
const Z = 3.09;

/** Upper bound of the true agreement: Wilson's score interval (JASA 22, 1927), one-sided, 99.9 %. */
export function upperAgreement({ agreed, checked }: Audits): number {
  if (checked === 0) return 1;
  const share = agreed / checked;
  const square = (Z * Z) / checked;
  return (share + square / 2 + Z * Math.sqrt((share * (1 - share)) / checked + square / (4 * checked))) / (1 + square);
}

/** True when chance alone does not explain that so few agreed. */
export function hasDrifted(audits: Audits, minAgreement: number): boolean {
  return audits.checked >= LEAST && upperAgreement(audits) < minAgreement;
}
