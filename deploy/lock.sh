#!/usr/bin/env bash
# Resolve requirements*.in into requirements.lock: exact versions, hashes, no index address.
# torch and the accelerator libraries it brings stay out; `make setup` installs them by a line of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3.11 -m venv "$tools/venv"
"$tools/venv/bin/pip" install --quiet uv
compile() { "$tools/venv/bin/uv" pip compile --quiet --python-version 3.11 --no-header --no-annotate "$@"; }

# Versions that are locked stay as they are, unless UPGRADE=1 asks for the newest.
test -n "${UPGRADE:-}" || grep -oE '^[a-zA-Z0-9._-]+==[^ ]+' requirements.lock > "$tools/kept.txt" || true
kept=(); test -n "${UPGRADE:-}" || kept=(-c "$tools/kept.txt")
compile "${kept[@]}" requirements.in requirements-dev.in -o "$tools/all.txt"
mapfile -t accelerator < <(grep -oE '^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)' "$tools/all.txt")
compile --generate-hashes "${kept[@]}" "${accelerator[@]/#/--no-emit-package=}" requirements.in requirements-dev.in -o "$tools/code.txt"
compile --generate-hashes --no-deps requirements-data.in -o "$tools/data.txt"
{
  echo "# Made by \`make lock\`. Install with: pip install --no-deps --require-hashes -r requirements.lock"
  cat "$tools/code.txt" "$tools/data.txt"
} > requirements.lock
if grep -qE '://' requirements.lock; then echo "lock: an address got into requirements.lock" >&2; exit 1; fi
echo "lock: $(grep -c '==' requirements.lock) packages"
