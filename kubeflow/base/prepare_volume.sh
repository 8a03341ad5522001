#!/bin/sh
# Makes the folders of the volume and gives them to the user of the steps. A new volume belongs to root, and Kubeflow Pipelines has no fsGroup: without
# this the Pusher, the last step, could not write. Running it again changes nothing that is right. Needs VOLUME and OWNER; LOG_SOURCE, a folder
# that this pod sees, is copied to the log's folder while that one is empty.
set -eu
: "${VOLUME:?the mount path}" "${OWNER:?user:group of the steps}"
mkdir -p "$VOLUME/log" "$VOLUME/runs"
if [ -n "${LOG_SOURCE:-}" ] && [ -z "$(ls -A "$VOLUME/log")" ]; then
  cp -R "$LOG_SOURCE/." "$VOLUME/log/"
  echo "copied $LOG_SOURCE to $VOLUME/log"
fi
# Only what belongs to somebody else: a large volume is walked, not rewritten.
find "$VOLUME" \( ! -user "${OWNER%:*}" -o ! -group "${OWNER#*:}" \) ! -name lost+found -exec chown -h "$OWNER" {} +
chmod u+rwx,g+rwx "$VOLUME" "$VOLUME/log" "$VOLUME/runs"
echo "$VOLUME/log and $VOLUME/runs belong to $OWNER"
