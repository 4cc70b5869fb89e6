#!/usr/bin/env python3
"""Classifies pictures with Python's standard library: examples/classify.py PICTURE...

SLUICE_URL: where the gateway is, default http://localhost:8080; SLUICE_API_KEY: where keys are set.
"""

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
LATER = (429, 503)


class Problem(Exception):
    """What the gateway refused with, RFC 9457; `code` is for programs."""

    def __init__(self, status, body):
        super().__init__(f"{body['code']}: {body['detail']}")
        self.status = status
        self.code = body["code"]


def classify(picture, **query):
    """The answer to the bytes of one picture; query: cascade, policy, top, deadline_ms, explain."""
    url = f"{URL}/v1/classify?{urllib.parse.urlencode(query)}"
    headers = {"Content-Type": "application/octet-stream"}
    if KEY:
        headers["Authorization"] = f"Bearer {KEY}"
    for attempt in range(RETRIES + 1):
        request = urllib.request.Request(url, data=picture, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code not in LATER or attempt == RETRIES:
                raise Problem(error.code, json.load(error)) from None
            # A little more than it says, so that those who were refused together do not come back together.
            time.sleep(int(error.headers.get("Retry-After", 1)) + random.random())


def main():
    failed = False
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            picture = file.read()
        try:
            answer = classify(picture, top=1)
        except Problem as problem:
            print(f"{path}: {problem}", file=sys.stderr)
            failed = True
            continue
        best, route, cost = answer["predictions"][0], answer["route"], answer["cost"]
        rung = f"{route['backbone']}/{route['width']:g}@{route['resolution']}"
        print(f"{path}: {best['label']} {best['probability']:.2f}, {rung} exit {route['exit']}, {cost['ratio']:.0%} of the full cost")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
