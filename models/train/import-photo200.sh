#!/bin/sh
# Takes the exported graphs into models/photo200: sh models/train/import-photo200.sh SCOUT LITE0_8 LITE2_8 LITE2 (runs; called in the repository's
# root; each run holds onnx/ and calibration.json).
set -eu
import() {
  node dist/cli/main.js import "$@" --cascade photo200 --uint8 --labels models/train/photo200.labels \
    --description 'Everyday photographs: 200 classes of animals, food, things and places' > /dev/null
}
for width in 0.5 1.0; do
  import "$1/onnx/scout-$width-64.onnx" --backbone scout --half --width "$width" --resolutions 64 --calibration "$1/calibration.json"
done
import "$2/onnx/lite0-int8.onnx" --backbone lite0-int8 --resolutions 64,96,128,160 --calibration "$2/calibration.json"
import "$3/onnx/lite2-int8.onnx" --backbone lite2-int8 --resolutions 192,224 --calibration "$3/calibration.json"
import "$4/onnx/lite2.onnx" --backbone lite2 --half --resolutions 224 --calibration "$4/calibration.json"
