#!/usr/bin/env bash
# Installs the two real nodes that tests/chains starts on loopback: anvil (Ethereum kind, from npm)
# and litecoind (Bitcoin kind, from Debian). As root on Debian 12 or newer; apt and npm registries
# are all it needs; about half a minute. Run it before pytest, as CI does (CI=true makes the tests
# fail, not skip, where a node is missing).
set -euo pipefail

ANVIL_VERSION=1.7.1 # the version that the recorded answers in vectors/ were made with
PREFIX=${PREFIX:-/usr/local}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

missing=()
command -v npm >/dev/null || missing+=(npm)
[ -x /usr/lib/litecoin/litecoind ] || command -v litecoind >/dev/null || missing+=(litecoind)
if [ ${#missing[@]} -gt 0 ]; then
  # A cached package list may be good enough, which saves most of the time.
  apt_install "${missing[@]}" || { apt-get update -qq; apt_install "${missing[@]}"; }
fi

case $(uname -m) in
  x86_64) platform=linux-amd64 ;;
  aarch64) platform=linux-arm64 ;;
  *) echo "anvil has no binary for $(uname -m)" >&2; exit 1 ;;
esac
if ! "$PREFIX/bin/anvil" --version 2>/dev/null | grep -qF " $ANVIL_VERSION"; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  npm install --prefix "$work" --silent --no-audit --no-fund --ignore-scripts \
    "@foundry-rs/anvil-$platform@$ANVIL_VERSION"
  install -D -m 755 "$work/node_modules/@foundry-rs/anvil-$platform/bin/anvil" "$PREFIX/bin/anvil"
fi

"$PREFIX/bin/anvil" --version | head -1
{ [ -x /usr/lib/litecoin/litecoind ] && /usr/lib/litecoin/litecoind -version || litecoind -version; } | head -1
