#!/usr/bin/env bash
# Installs Debian's Chromium for the browser tests in tests/web (playwright's own download is not
# used). As root on Debian 12 or newer; about 10 seconds. With CI=true the tests fail, not skip,
# where it is missing.
set -euo pipefail

if ! command -v chromium >/dev/null; then
  install=(apt-get install -y -qq --no-install-recommends chromium)
  # A cached package list may be good enough, which saves most of the time.
  DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null ||
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${install[@]}" >/dev/null; }
fi
chromium --version
