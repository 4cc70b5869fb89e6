#!/bin/sh
# Takes the exported graphs into models/cifar10: sh models/train/import-cifar10.sh EXPORT_FOLDER CALIBRATION.json (run in the repository's root)
set -eu
labels=$(mktemp)
printf '%s\n' airplane automobile bird cat deer dog frog horse ship truck > "$labels"
for width in 0.5 1.0; do
  for side in 24 32; do
    node dist/cli/main.js import "$1/cifar10-$width-$side.onnx" --cascade cifar10 --backbone slimnet \
      --width "$width" --resolutions "$side" --uint8 --labels "$labels" ${2:+--calibration "$2"} \
      --description 'CIFAR-10: ten classes of animals and vehicles, 32 px' > /dev/null
  done
done
rm "$labels"
