#!/bin/sh
# AdamW against Muon at equal CPU time, then on with the one whose held-out loss is less.
# choose_and_train.sh CODES RUNS MINUTES
here=$(dirname "$0")
for name in adamw muon; do
    rate=0; [ $name = muon ] && rate=0.02
    python "$here/train_modes.py" "$1" "$2/$name" --muon $rate --minutes "$3" || exit 1
done
best=$(python - "$2" <<'P'
import json, pathlib, sys
ends = {}
for name in ("adamw", "muon"):
    lines = [json.loads(l) for l in (pathlib.Path(sys.argv[1]) / name / "log.jsonl").read_text().splitlines()]
    ends[name] = [l["held"] for l in lines if l.get("event") == "stop"][-1]
print(min(ends, key=ends.get))
P
)
rate=0; [ "$best" = muon ] && rate=0.02
exec python "$here/train_modes.py" "$1" "$2/$best" --muon $rate
