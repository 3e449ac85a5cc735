#!/bin/bash -eu
# SPDX-License-Identifier: BSD-2-Clause
# What OSS-Fuzz and ClusterFuzz run in their container: targets, seeds and dictionaries into $OUT.
# $CC, $CFLAGS, $CXXFLAGS, $LIB_FUZZING_ENGINE and $OUT are theirs; without $SRC this is a check of the layout here.
cd "${SRC:+$SRC/kvmtape}"

work=${WORK:-/tmp}/kvmtape-oss-fuzz
rm -rf "$work"
mkdir -p "$work" "$OUT"

meson setup "$work/build" -Dfuzzing_engine=oss-fuzz -Dfuzzer_ldflags="$LIB_FUZZING_ENGINE" \
	-Dwerror=false -Db_lundef=false -Dprefer_static=true -Dclang="${KVMTAPE_CLANG:-clang}" \
	|| { cat "$work/build/meson-logs/meson-log.txt"; exit 1; }
targets=(model canonical minimise player tape asm value writer)
ninja -C "$work/build" "${targets[@]/#/fuzz/target_}" fuzz/fuzz_seeds
for target in "${targets[@]}"; do
	cp "$work/build/fuzz/target_$target" "$OUT/target_$target"
done

# Seeds: NAME_seed_corpus.zip beside each target.
mkdir -p "${targets[@]/#/$work/}"
"$work/build/fuzz/fuzz_seeds" generate "$work/model" 200
find corpus -name '*.tape' -size -256k -print0 |
	xargs -0 "$work/build/fuzz/fuzz_seeds" sequence "$work/model" || true
cp corpus/fuzz/model/*.seq "$work/model/"
find corpus tests/golden -name '*.tape' -size -64k | while read -r tape; do
	cp "$tape" "$work/tape/$(tr / - <<<"$tape")"
done
find corpus -name '*.tapes' -exec cp {} "$work/asm/" \;
cp "$work"/model/*.seq "$work/canonical/"
for target in minimise player writer; do
	"$work/build/fuzz/fuzz_seeds" "$target" "$work/$target" 100
done
"$work/build/fuzz/fuzz_seeds" value "$work/value"
for target in "${targets[@]}"; do
	(cd "$work/$target" && zip -q -r "$OUT/target_${target}_seed_corpus.zip" .)
done
"$work/build/fuzz/fuzz_seeds" dictionary >"$OUT/target_asm.dict"
printf '[libfuzzer]\nentropic = 0\nmax_len = 4096\n' >"$OUT/target_model.options"
cp "$OUT/target_model.options" "$OUT/target_canonical.options"
