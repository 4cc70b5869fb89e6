/** The page as a whole: what the gateway serves, and one room for each thing to do with it. */

import { useCallback, useMemo, useState } from 'preact/hooks';
import { Api } from './api.js';
import { Head } from './head.js';
import { storedKey, storeKey } from './key.js';
import { KeyForm } from './key-form.js';
import { Live } from './live.js';
import { Policies } from './policies.js';
import { Trial } from './trial.js';
import { useCatalogue } from './use-catalogue.js';
import { useFigures } from './use-figures.js';

export function App() {
  const [key, setKey] = useState(storedKey);
  const api = useMemo(() => new Api(key), [key]);
  const figures = useFigures(api);
  const { catalogue, refusal } = useCatalogue(api, figures.latest?.catalogue);
  const needsKey = refusal?.code === 'unauthorized';
  const changeKey = useCallback((given: string) => {
    storeKey(given);
    setKey(given);
  }, []);

  return (
    <>
      <a class="skip" href="#trial">
        To the picture
      </a>
      <Head latest={figures.latest} hasKey={key !== ''} onForget={() => changeKey('')} />
      <main>
        {needsKey && <KeyForm isWrong={key !== ''} onKey={changeKey} />}
        {refusal !== undefined && !needsKey && (
          <p class="trouble" role="alert">
            {refusal.sentence}
          </p>
        )}
        {catalogue !== undefined && !needsKey && (
          <>
            <Trial api={api} catalogue={catalogue} />
            <Live figures={figures} cascades={catalogue.cascades} />
            <Policies catalogue={catalogue} />
          </>
        )}
        {catalogue === undefined && refusal === undefined && (
          <p class="waiting" role="status">
            The lanes are warming up.
          </p>
        )}
      </main>
      <footer>
        <p>
          Sluice answers each picture with as little network as it needs. The same over HTTP:{' '}
          <code>POST /v1/classify</code>, <a href="v1/cascades">/v1/cascades</a>, <a href="v1/policies">/v1/policies</a>
          .
        </p>
      </footer>
    </>
  );
}
