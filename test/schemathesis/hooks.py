"""What schemathesis cannot make up: bytes that are pictures. Whole ones, cut ones, and ones with a changed byte, beside noise."""

import os

import schemathesis
from hypothesis import strategies as st

FOLDER = os.environ["SLUICE_TEST_PICTURES"]
WHOLE = [open(os.path.join(FOLDER, name), "rb").read() for name in sorted(os.listdir(FOLDER))]


@st.composite
def spoiled(draw):
    picture = bytearray(draw(st.sampled_from(WHOLE)))
    at = draw(st.integers(0, len(picture) - 1))
    if draw(st.booleans()):
        return bytes(picture[:at])
    picture[at] = draw(st.integers(0, 255))
    return bytes(picture)


PICTURES = st.sampled_from(WHOLE) | spoiled() | st.binary(max_size=200)
TYPES = ["image/jpeg", "image/png", "image/webp", "image/avif", "image/gif", "image/tiff", "application/octet-stream"]

for media_type in TYPES:
    schemathesis.openapi.media_type(media_type, PICTURES)
