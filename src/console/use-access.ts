/** The key of the person, and what the gateway says of it. */

import { useCallback, useMemo, useState } from 'preact/hooks';
import { type Access, heard } from './access.js';
import { Api } from './api.js';
import { storedKey, storeKey } from './key.js';

export interface AccessNow {
  readonly api: Api;
  readonly access: Access;
  /** Empty: none. */
  readonly key: string;
  /** The same key once more is asked for once more. */
  readonly changeKey: (key: string) => void;
}

export function useAccess(): AccessNow {
  // An object, so that each key that is given is another one.
  const [given, setGiven] = useState(() => ({ key: storedKey() }));
  const [access, setAccess] = useState<Access>('open');
  const api = useMemo(() => new Api(given.key, (isTaken) => setAccess((before) => heard(before, isTaken))), [given]);
  const changeKey = useCallback((key: string) => {
    storeKey(key);
    setGiven({ key });
    setAccess('asking');
  }, []);
  return { api, access, key: given.key, changeKey };
}
