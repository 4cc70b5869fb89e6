/** Parts of pages that are made from the code stand between two marks. */

const [BEGIN, END] = ['<!-- reference: made by `npm run docs` -->', '<!-- end of reference -->'];

/** The page with that part made anew. @throws Error when the marks are not there */
export function withReference(page: string, file: string, reference: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${file} must hold "${BEGIN}" and "${END}"`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${reference}\n${page.slice(to)}`;
}
