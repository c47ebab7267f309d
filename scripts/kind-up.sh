#!/bin/sh
# A cluster of three zones with the service on it: the same as `npm run up`. Arguments are handed on.
exec "$(dirname "$0")/../holdfast" up "$@"
