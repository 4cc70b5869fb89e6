#!/usr/bin/env bash
# Classifies a picture with curl: examples/classify.sh PICTURE [QUERY]
# SLUICE_URL: where the gateway is, default http://localhost:8080; SLUICE_API_KEY: where keys are set.
set -euo pipefail
url=${SLUICE_URL:-http://localhost:8080}
# In a file, which curl empties before it tries again: on stdout the problem of each attempt would stay.
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
status=0
# Read by the shell, which refuses a file that is missing, where some versions of curl send an empty picture.
# --retry tries 408, 429 and most 5xx again, and waits as long as Retry-After says, within a minute; --fail-with-body shows the problem.
curl --silent --show-error --fail-with-body --retry 3 --retry-max-time 60 --max-time 60 --output "$answer" \
  ${SLUICE_API_KEY:+--header "Authorization: Bearer $SLUICE_API_KEY"} \
  --data-binary @- "$url/v1/classify?${2:-}" < "$1" || status=$?
if [[ -s $answer ]]; then
  cat "$answer"
  echo
fi
exit "$status"
