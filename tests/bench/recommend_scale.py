#!/usr/bin/env python3
"""What `host recommend` costs as logs grow: a generated log of each size read, split, ItemKNN (k = 20) fitted, all tested users ranked and scored.

Pinned: Python 3.11, its standard library only; memory is read from /proc, so Linux.
Usage: recommend_scale.py TARGET FOLDER [SIZE …]   (TARGET: target/release, after cargo build --release --workspace and
`host plugin add --all`; run it where registry.toml is. FOLDER takes one log at a time, 2.5 GB for the largest.)
SIZE is USERS,ITEMS,INTERACTIONS; by default the real size, its half, quarter and tenth, and the tenth with all items.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

DEFAULT = ["130000,10500,2500000", "130000,105000,2500000", "325000,26250,6250000", "650000,52500,12500000", "1300000,105000,25000000"]
THREADS = 2
target, folder = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
log, experiment, run = folder / "log.csv", folder / "experiment.toml", folder / "run"
experiment.parent.mkdir(parents=True, exist_ok=True)
experiment.write_text(
    f"""[data]
interactions = "{log}"
columns = {{ user = "customer_id", item = "article_id", time = "t_dat" }}
split = {{ by = "temporal-user", test = 0.2, validation = 0.1 }}

[evaluation]
cutoffs = [20]
metrics = ["recall", "ndcg"]

[[models]]
name = "knn"
recommender = "item-knn"
neighbours = 20
"""
)


def resident(process):
    """Bytes of a process and its children."""
    total, open_ = 0, [process]
    while open_:
        one = open_.pop()
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for task in Path(f"/proc/{one}/task").iterdir():
                open_ += [int(child) for child in (task / "children").read_text().split()]
        except (OSError, IndexError):
            continue
    return total


print("users, items, interactions | read s | prepare s | fit s | lists s | for users | all s | processor s | peak MB | load", flush=True)
for size in sys.argv[3:] or DEFAULT:
    users, items, interactions = size.split(",")
    command = [target / "samples", "--out", log, "--log", interactions, "--customers", users, "--articles", items]
    subprocess.run(command, check=True)
    shutil.rmtree(run, ignore_errors=True)
    command = [target / "host", "recommend", experiment, "--run", run, "--threads", str(THREADS), "--json"]
    before, began = os.times(), time.perf_counter()
    with open(folder / "out.json", "w") as out, open(folder / "notes.txt", "w") as notes:
        host = subprocess.Popen(command, stdout=out, stderr=notes)
    peak = 0
    while host.poll() is None:
        peak = max(peak, resident(host.pid))
        time.sleep(0.05)
    seconds, after = time.perf_counter() - began, os.times()
    notes = (folder / "notes.txt").read_text()
    if host.returncode != 0:
        sys.exit(notes)
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    read, prepare = re.search(r"read in ([\d.]+) s, prepared in ([\d.]+) s", notes).groups()
    trial = json.loads((run / "trials" / "knn" / "0001.json").read_text())
    tested = json.loads((folder / "out.json").read_text())["models"][0]["users"]
    print(
        f"{users}, {items}, {interactions} | {read} | {prepare} | {trial['fit_seconds']:.1f} | {trial['rank_seconds']:.1f} | {tested} | "
        f"{seconds:.1f} | {processor:.1f} | {peak / 1e6:.0f} | {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    shutil.rmtree(run)
    log.unlink()
