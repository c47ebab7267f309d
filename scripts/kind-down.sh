#!/bin/sh
# Removes what kind-up.sh has made: the same as `npm run down`. Arguments are handed on.
exec "$(dirname "$0")/../holdfast" down "$@"
