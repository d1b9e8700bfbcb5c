#!/usr/bin/env bash
# Builds, tests and measures moco on a bare Linux machine with a GPU; docs/gpu.md says how and why.
#
#   bench/gpu.sh [--bundle FILE] [--out DIR] [--seconds 540] [--smoke] [PART [options of the part]]
#
# PART        check, kernels or compare; without one, these three, one after the other. Or tests, table
#             or train alone
# --bundle    what `npm run bundle:offline` made; without it, the package that this file is in
# --out       where results go (gpu-results): of every part PART.tar.xz, and its tables as PART.md
# --seconds   how long a part may take, building included
# --smoke     tiny sizes on the CPU, to see that everything works
#
# What was measured until a part fails, is stopped or runs out of time is in its archive, too.
set -uo pipefail

# The archive and the ends of processes take these seconds of a part's.
reserve=10

bundle='' out=gpu-results seconds=540 smoke=()
while (($#)); do
  case $1 in
    --bundle) bundle=$2 && shift 2 ;;
    --out) out=$2 && shift 2 ;;
    --seconds) seconds=$2 && shift 2 ;;
    --smoke) smoke=(--smoke) && shift ;;
    *) break ;;
  esac
done
parts=(check kernels compare)
if (($#)); then parts=("$1") && shift; fi
case ${parts[0]} in
  check | kernels | compare | tests | table | train) ;;
  *) echo "unknown part: ${parts[0]}" >&2 && exit 2 ;;
esac
mkdir -p "$out" && out=$(realpath "$out") || exit 1

# Unpacked once for each bundle, outside of the results: every later call goes on with what is built.
root=$(realpath "$(dirname "$0")/..")
if [[ $bundle ]]; then
  [[ -f $bundle ]] || { echo "there is no $bundle" >&2 && exit 2; }
  root=${TMPDIR:-/tmp}/moco-gpu-$(sha256sum "$bundle" | cut -c1-12)
  if [[ ! -d $root ]]; then
    rm -rf "$root.partial"
    python3 -m tarfile -e "$bundle" "$root.partial" && mv "$root.partial/moco" "$root" && rmdir "$root.partial" || exit 1
  fi
fi
[[ -x $root/node/bin/node ]] && PATH=$root/node/bin:$PATH

part='' worker=''
# Packs the results of the part that runs. Only whole archives get the archive's name.
pack() {
  [[ $part && -d $out/$part ]] || return 0
  [[ -f $out/$part/report.md ]] && cp "$out/$part/report.md" "$out/$part.md"
  (cd "$out" && python3 -m tarfile -c "$part.partial.tar.xz" "$part") &&
    mv "$out/$part.partial.tar.xz" "$out/$part.tar.xz" && rm -r "${out:?}/$part"
  part=''
}
# Lets the part end its step and write its report.
# shellcheck disable=SC2329 # the traps below call it
stop() {
  trap '' HUP INT TERM
  [[ $worker ]] && kill -TERM "$worker" 2>/dev/null && wait "$worker"
  exit "$1"
}
trap pack EXIT
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM

failed=0
spent=0 # seconds of the parts before
for name in "${parts[@]}"; do
  part=$name
  rm -rf "${out:?}/$part" && mkdir "$out/$part" || exit 1
  node "$root/bench/gpu/part.mjs" "$part" --out "$out/$part" "${smoke[@]}" \
    --seconds $((seconds - reserve - (SECONDS - spent))) "$@" &
  worker=$!
  wait "$worker" || failed=1
  worker=''
  pack
  spent=$SECONDS
done
exit "$failed"
