#!/bin/sh
# Takes the exported graphs into models/cifar10: sh models/train/import-cifar10.sh SLIM_RUN LITE_RUN (run in the repository's root; each
# run holds onnx/ and calibration.json)
set -eu
labels=$(mktemp)
printf '%s\n' airplane automobile bird cat deer dog frog horse ship truck > "$labels"
import() {
  node dist/cli/main.js import "$@" --cascade cifar10 --uint8 --labels "$labels" \
    --description 'CIFAR-10: ten classes of animals and vehicles, pictures of 32 px' > /dev/null
}
for width in 0.5 1.0; do
  for side in 24 32; do
    import "$1/onnx/cifar10-$width-$side.onnx" --backbone slimnet --half --width "$width" --resolutions "$side" --calibration "$1/calibration.json"
  done
done
import "$2/onnx/lite0.onnx" --backbone lite0 --half --resolutions 96,160 --calibration "$2/calibration.json"
rm "$labels"
