#!/usr/bin/env python3
"""Classifies pictures with Python's standard library: examples/classify.py PICTURE...

SLUICE_URL: where the gateway is, default http://localhost:8080; SLUICE_API_KEY: where keys are set.
"""

import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

URL = os.environ.get("SLUICE_URL", "http://localhost:8080")
KEY = os.environ.get("SLUICE_API_KEY")
RETRIES = 3
LONGEST_WAIT_S = 30
LATER = (429, 503)


class Problem(Exception):
    """What the gateway refused with, RFC 9457; `code` is for programs."""

    def __init__(self, status, text):
        try:
            body = json.loads(text)
            self.code, detail = body["code"], body["detail"]
        except (ValueError, KeyError, TypeError):
            # A proxy between may answer with anything: what the status says is still true.
            self.code, detail = "unknown", f"HTTP {status}, not from a gateway"
        super().__init__(f"{self.code}: {detail}")
        self.status = status


class Unanswered(Exception):
    """Nobody was asked, or nobody answered."""


def seconds_of(retry_after):
    """A proxy between may say a date, or nothing."""
    return int(retry_after) if retry_after and retry_after.isdecimal() else 1


def classify(picture, **query):
    """The answer to the bytes of one picture; query: cascade, policy, top, deadline_ms, explain."""
    # The gateway's booleans are lower-case.
    values = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    url = f"{URL}/v1/classify?{urllib.parse.urlencode(values)}"
    headers = {"Content-Type": "application/octet-stream"}
    if KEY:
        headers["Authorization"] = f"Bearer {KEY}"
    for attempt in range(RETRIES + 1):
        request = urllib.request.Request(url, data=picture, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                status, text = response.status, response.read()
        except urllib.error.HTTPError as error:
            wait = seconds_of(error.headers.get("Retry-After"))
            if error.code not in LATER or attempt == RETRIES or wait > LONGEST_WAIT_S:
                raise Problem(error.code, error.read()) from None
            # A little more than it says, so that those who were refused together do not come back together.
            time.sleep(wait + random.random())
            continue
        try:
            return json.loads(text)
        except ValueError:
            raise Problem(status, text) from None


def line_of(path):
    """The answer to one file, in words."""
    try:
        with open(path, "rb") as file:
            picture = file.read()
    except OSError as error:
        raise Unanswered(f"cannot be read: {error.strerror}") from None
    try:
        answer = classify(picture, top=1)
    except (OSError, http.client.HTTPException) as error:
        # No answer, or one that broke off: URLError is an OSError.
        raise Unanswered(f"no answer from {URL}: {getattr(error, 'reason', error)}") from None
    best, route, cost = answer["predictions"][0], answer["route"], answer["cost"]
    rung = f"{route['backbone']}/{route['width']:g}@{route['resolution']}"
    return f"{best['label']} {best['probability']:.2f}, {rung} exit {route['exit']}, {cost['ratio']:.0%} of the full cost"


def main():
    failed = False
    for path in sys.argv[1:]:
        try:
            print(f"{path}: {line_of(path)}")
        except (Problem, Unanswered) as error:
            # The next file may be a better one.
            print(f"{path}: {error}", file=sys.stderr)
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
