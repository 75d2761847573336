#!/bin/sh
# Debian's Chromium for the browser tests, where it may be installed; where not, the tests say that they are skipped.
set -eu
if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "browser: installing Debian's chromium and chromium-driver" >&2
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium chromium-driver fonts-dejavu-core >/dev/null && exit 0
fi
echo "browser: no chromium and no right to install it: the browser tests will be skipped" >&2
