"""Writes schedules.json: learning rates of torch's own schedulers, at chosen steps.

    python -m venv venv && venv/bin/pip install torch==2.9.1 && venv/bin/python schedules.py

CosineAnnealingLR's closed form is what the study's 500-step schedule follows past T_max; the linear schedule and the warm-up are
LinearLR. A warm-up of w steps rises from 1/w of the rate at step 0 to the whole at step w - 1, and the schedule begins at step w.
"""

import json
import pathlib

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR


def closed_form(make, rate, step):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = make(optimizer)
    scheduler.last_epoch = step
    return scheduler._get_closed_form_lr()[0]


cases = []
steps = sorted({*range(0, 12), *range(0, 2600, 37), 499, 500, 501, 999, 1000, 1001, 1500, 2000})
for rate, floor, period, warmup in [(1e-4, 1e-6, 500, 0), (5e-4, 0.0, 7, 0), (1e-5, 1e-6, 500, 100)]:
    for kind in ["cosine", "linear", "constant"]:
        rates = {}
        for step in steps:
            after = step - warmup
            if after < 0:
                start = 1.0 / warmup
                rates[step] = closed_form(
                    lambda o: LinearLR(o, start_factor=start, end_factor=1.0, total_iters=warmup - 1), rate, step
                )
            elif kind == "cosine":
                rates[step] = closed_form(lambda o: CosineAnnealingLR(o, T_max=period, eta_min=floor), rate, after)
            elif kind == "linear":
                rates[step] = closed_form(
                    lambda o: LinearLR(o, start_factor=1.0, end_factor=floor / rate, total_iters=period), rate, after
                )
            else:
                rates[step] = rate
        cases.append(
            {"kind": kind, "learning_rate": rate, "floor": floor, "period": period, "warmup": warmup, "rates": rates}
        )

pathlib.Path(__file__).with_name("schedules.json").write_text(json.dumps(cases, indent=None, separators=(",", ":")) + "\n")
