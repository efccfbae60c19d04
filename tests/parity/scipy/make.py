"""Three paired samples and many small ones with ties and zeros, and what scipy says of them: expected.json, which host/src/score/scipy_parity.rs reads.

    pip install scipy==1.16.3 numpy==2.3.5
    python make.py
"""

import json
from pathlib import Path

import numpy as np
from scipy import stats

RESAMPLES = 100_000
random = np.random.default_rng(20_240_611)


def small():
    """Twelve items without ties: scipy's Wilcoxon test is exact."""
    baseline = random.uniform(0.2, 0.6, 12)
    return baseline, baseline + random.normal(0.05, 0.08, 12), np.ones(12), np.ones(12)


def tied():
    """Sixty items with scores in tenths: ties and zeros."""
    baseline = random.integers(0, 8, 60) / 10
    return baseline, np.clip(baseline + random.integers(-2, 4, 60) / 10, 0, 1), np.ones(60), np.ones(60)


def ratio():
    """400 items of a corpus metric, matches over words, both skewed."""
    words = [3 + random.poisson(random.gamma(2, 3, 400)) for _ in range(2)]
    skill = random.beta(2, 5, 400)
    matches = [random.binomial(count, np.clip(skill + shift, 0, 1)) for count, shift in zip(words, (0, 0.02))]
    return matches[0].astype(float), matches[1].astype(float), words[0].astype(float), words[1].astype(float)


def expected(name, sample):
    baseline, candidate, baseline_weight, candidate_weight = sample
    count = len(baseline)
    tops = np.concatenate([baseline, candidate])
    weights = np.concatenate([baseline_weight, candidate_weight])

    # Samples are places in the two arrays, so that an item's statistics change sides together.
    def difference(first, second, axis=-1):
        of = lambda places: tops[places].sum(axis=axis) / weights[places].sum(axis=axis)
        return of(second) - of(first)

    places = (np.arange(count), np.arange(count) + count)
    bootstrap = stats.bootstrap(
        places, difference, paired=True, vectorized=True, method="percentile", n_resamples=RESAMPLES, rng=1, batch=2000
    )
    permutation = stats.permutation_test(
        places, difference, permutation_type="samples", vectorized=True, n_resamples=RESAMPLES, rng=2, batch=2000
    )
    # 0.6 - 0.5 and 0.5 - 0.4 are a tie, which their last bits hide.
    wilcoxon = stats.wilcoxon(np.round(candidate - baseline, 12))
    return {
        "name": name,
        "baseline": baseline.tolist(),
        "candidate": candidate.tolist(),
        "baseline_weight": baseline_weight.tolist(),
        "candidate_weight": candidate_weight.tolist(),
        "difference": float(difference(*places)),
        "low": float(bootstrap.confidence_interval.low),
        "high": float(bootstrap.confidence_interval.high),
        "standard_error": float(bootstrap.standard_error),
        "permutation_p": float(permutation.pvalue),
        "wilcoxon_p": float(wilcoxon.pvalue),
    }


def few():
    """Differences of few items in whole numbers, where ties and zeros are the rule: exact up to 13 items."""
    source = np.random.default_rng(7)
    for count in list(range(1, 21)) * 6:
        differences = source.integers(-3, 5, count).astype(float)
        if differences.any():
            yield {"differences": differences.tolist(), "p": float(stats.wilcoxon(differences).pvalue)}


samples = [expected(make.__name__, make()) for make in (small, tied, ratio)]
text = json.dumps({"resamples": RESAMPLES, "samples": samples, "few": list(few())}, indent=1) + "\n"
Path(__file__).with_name("expected.json").write_text(text)
for sample in samples:
    print({key: value for key, value in sample.items() if not isinstance(value, list)})
