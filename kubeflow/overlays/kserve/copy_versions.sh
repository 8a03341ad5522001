#!/bin/sh
# Copies the versions of a served folder to an object store, each as <target>/<version>/<version>/, so that a URI names one version and TF Serving
# finds the numeric folder it wants below it. saved_model.pb goes last: where it lies, the version is whole. Needs SERVING, TARGET and rclone.
set -eu
: "${SERVING:?the folder of the versions}" "${TARGET:?where to, as rclone names it}"
found=0
for folder in "$SERVING"/[0-9]*/; do
  version=$(basename "$folder")
  # Withdrawn versions, and what is being written, are no numbers.
  case $version in *[!0-9]*) continue ;; esac
  [ -f "$folder/saved_model.pb" ] || continue
  found=$((found + 1))
  target=$TARGET/$version/$version
  if rclone lsf "$target/saved_model.pb" 2>/dev/null | grep -q .; then
    echo "$version: there"
    continue
  fi
  rclone copy --exclude /saved_model.pb "$folder" "$target"
  rclone copy --include /saved_model.pb "$folder" "$target"
  echo "$version: copied to $target"
done
[ "$found" -gt 0 ] || echo "no version yet in $SERVING"
