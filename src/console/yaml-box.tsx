/** YAML to look at and to copy. */

import { useEffect, useState } from 'preact/hooks';

export function YamlBox({ name, yaml }: { name: string; yaml: string }) {
  const [copied, setCopied] = useState('');
  // other YAML is not copied yet
  useEffect(() => setCopied(''), [yaml]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(yaml);
      setCopied('Copied.');
    } catch {
      // Only pages over HTTPS or from this machine may.
      setCopied('This browser does not let the page copy: select the text.');
    }
  };
  return (
    <div class="yaml">
      <div class="yaml-head">
        <span role="status">{copied}</span>
        <button type="button" onClick={copy} aria-label={`Copy the YAML of ${name}`}>
          Copy YAML
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll sideways, by keyboard too */}
      <pre tabIndex={0}>
        <code>{yaml}</code>
      </pre>
    </div>
  );
}
