#!/usr/bin/env bash
# Builds, tests and measures moco on a bare Linux machine with a GPU; docs/gpu.md says how and why.
#
#   bench/gpu.sh [--bundle FILE] [--out DIR] [--smoke] [table|train|tests|all] [options of the part]
#
# --bundle   what `npm run bundle:offline` made; without it, the package that this file is in
# --out      where results go (gpu-results)
# --smoke    tiny sizes on the CPU, to see that everything works
#
# Each part has a time limit and a log, and one that fails does not stop the others.
set -uo pipefail

bundle='' out=gpu-results part=all device=(--device cuda)
while (($#)); do
  case $1 in
    --bundle) bundle=$2 && shift 2 ;;
    --out) out=$2 && shift 2 ;;
    --smoke) device=(--device cpu --smoke) && shift ;;
    *) break ;;
  esac
done
if (($#)); then part=$1 && shift; fi
case $part in table | train | tests | all) ;; *) echo "unknown part: $part" >&2 && exit 2 ;; esac
mkdir -p "$out" && out=$(realpath "$out") || exit 1

# Unpacked once for each bundle, outside of the results.
root=$(realpath "$(dirname "$0")/..")
if [[ $bundle ]]; then
  [[ -f $bundle ]] || { echo "there is no $bundle" >&2 && exit 2; }
  root=${TMPDIR:-/tmp}/moco-gpu-$(sha256sum "$bundle" | cut -c1-12)
  if [[ ! -d $root ]]; then
    python3 -m tarfile -e "$bundle" "$root.partial" && mv "$root.partial/moco" "$root" && rmdir "$root.partial" || exit 1
  fi
fi
[[ -x $root/node/bin/node ]] && PATH=$root/node/bin:$PATH

outcomes=()
# step NAME SECONDS COMMAND...
step() {
  local name=$1 limit=$2 started=$SECONDS && shift 2
  echo "== $name (at most $limit s)"
  timeout --kill-after=20 "$limit" "$@" 2>&1 | tee "$out/$name.log"
  local status=${PIPESTATUS[0]}
  outcomes+=("$name: exit code $status after $((SECONDS - started)) s")
  return "$status"
}

trap 'kill $(jobs -p) 2>/dev/null' EXIT
table=(node "$root/bench/gpu/table.mjs" --out "$out" "${device[@]}")
compiling=''
if [[ $part == all || $part == table ]]; then
  timeout 260 "${table[@]}" --compile-only >"$out/compile.log" 2>&1 &
  compiling=$!
fi
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
build=(node "$root/bench/gpu/build.mjs")
# keep NAME: what the compiler said; the next build deletes it.
keep() { cp "$root/build/native/build.log" "$out/$1" 2>/dev/null; }
# Kernels that do not compile here must not cost what works without them.
if ! step build 400 "${build[@]}"; then
  keep compiler-with-kernels.log
  MOCO_CUDA_KERNELS=0 step build-without-kernels 400 "${build[@]}" || { keep compiler.log; exit 1; }
fi
keep compiler.log
[[ $part == all || $part == tests ]] && step tests 240 node "$root/bench/gpu/tests.mjs" --out "$out" "$@"
[[ $compiling ]] && wait "$compiling"
[[ $part == all ]] && step table 330 "${table[@]}"
[[ $part == table ]] && step table 540 "${table[@]}"
[[ $part == train ]] && step train 7200 node "$root/bench/gpu/train.mjs" --out "$out" "$@"

cat "$out"/{tests,table,train}.md >"$out/report.md" 2>/dev/null
cat "$out/report.md"
printf '%s\n' "${outcomes[@]}" | tee "$out/outcomes.txt"
! grep -qv 'exit code 0 ' "$out/outcomes.txt"
