/** The page as a whole: what the gateway serves, and one room for each thing to do with it. */

import { Head } from './head.js';
import { KeyForm } from './key-form.js';
import { Live } from './live.js';
import { Policies } from './policies.js';
import { withServing } from './serving.js';
import { Trial } from './trial.js';
import { useAccess } from './use-access.js';
import { useCatalogue } from './use-catalogue.js';
import { useFigures } from './use-figures.js';
import { usePicture } from './use-picture.js';

export function App() {
  const { api, access, key, changeKey } = useAccess();
  const isPaused = access === 'wanted';
  const isOpen = access === 'open';
  const figures = useFigures(api, isPaused);
  const { catalogue, refusal, isWarming } = useCatalogue(api, figures, isPaused);
  const intake = usePicture();
  // Of a key that is needed, the form says so; of figures that do not come, their part of the page, once there is one.
  const noFigures = catalogue === undefined && isOpen ? figures.trouble : undefined;
  const trouble = refusal?.code === 'unauthorized' ? undefined : (refusal?.sentence ?? noFigures);

  return (
    <>
      <a class="skip" href="#trial">
        To the picture
      </a>
      <Head latest={isOpen ? figures.latest : undefined} hasKey={key !== ''} onForget={() => changeKey('')} />
      <main>
        {figures.isOutdated && (
          <p class="waiting" role="status">
            The gateway has another version of this page.{' '}
            <button type="button" onClick={() => location.reload()}>
              Reload it
            </button>
          </p>
        )}
        {!isOpen && <KeyForm isWrong={isPaused && key !== ''} isAsking={!isPaused} onKey={changeKey} />}
        {trouble !== undefined && (
          <p class="trouble" role="alert">
            {trouble}
          </p>
        )}
        {catalogue !== undefined && isOpen && (
          <>
            <Trial api={api} catalogue={catalogue} intake={intake} />
            <Live figures={figures} cascades={catalogue.cascades} />
            <Policies {...catalogue} policies={withServing(catalogue.policies, figures.looks.at(-1)?.snapshot)} />
          </>
        )}
        {catalogue === undefined && trouble === undefined && isOpen && (
          <p class="waiting" role="status">
            {isWarming ? 'The lanes are warming up.' : 'Loading…'}
          </p>
        )}
      </main>
      <Foot isLinked={isOpen && key === ''} version={figures.latest?.version} />
    </>
  );
}

/** @param isLinked a link takes no key along */
function Foot({ isLinked, version }: { isLinked: boolean; version: string | undefined }) {
  const lists = ['v1/cascades', 'v1/policies'];
  return (
    <footer>
      <p>
        Sluice{version === undefined ? '' : ` ${version}`} answers each picture with as little network as it needs. The
        same over HTTP: <code>POST /v1/classify</code>
        {lists.map((path) => (
          <span key={path}>, {isLinked ? <a href={path}>/{path}</a> : <code>/{path}</code>}</span>
        ))}
        .
      </p>
    </footer>
  );
}
