#!/usr/bin/env bash
# Installs the headless browser that tests/web drives, from Debian's packages (as root); where
# `chromium` is there already nothing is done. CI=true makes those tests fail, not skip, without it.
set -euo pipefail

if ! command -v chromium >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt_install() { apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; }
    apt_install || { apt-get update -qq && apt_install; }
fi
chromium --version 2>/dev/null | head -1
