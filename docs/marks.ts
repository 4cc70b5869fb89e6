/** Parts of pages that are made stand between two marks. */

export interface Marks {
  readonly begin: string;
  readonly end: string;
}

/** Made from the code. */
const REFERENCE: Marks = { begin: '<!-- reference: made by `npm run docs` -->', end: '<!-- end of reference -->' };
/** Made from a measurement. */
export const PROOF: Marks = {
  begin: '<!-- results: made by `npm run bench -- proof --docs` -->',
  end: '<!-- end of results -->',
};

/** The page with that part made anew. @throws Error when the marks are not there */
export function withReference(page: string, file: string, reference: string): string {
  return withPart(page, file, REFERENCE, reference);
}

/** The page with what stands between the marks made anew. @throws Error when they are not there */
export function withPart(page: string, file: string, { begin, end }: Marks, part: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} must hold "${begin}" and "${end}"`);
  return `${page.slice(0, from + begin.length)}\n\n${part}\n${page.slice(to)}`;
}
