#!/bin/sh
# Takes the exported graphs into models/photo200: sh models/train/import-photo200.sh LITE_RUN SCOUT_RUN (run in the repository's root;
# each run holds onnx/ and calibration.json)
set -eu
import() {
  node dist/cli/main.js import "$@" --cascade photo200 --uint8 --labels models/train/photo200.labels \
    --description 'Everyday photographs: 200 classes of animals, food, things and places' > /dev/null
}
for width in 0.5 1.0; do
  import "$2/onnx/scout-$width-64.onnx" --backbone scout --width "$width" --resolutions 64 --calibration "$2/calibration.json"
done
import "$1/onnx/lite0.onnx" --backbone lite0 --resolutions 64,96,128,160,192 --calibration "$1/calibration.json"
