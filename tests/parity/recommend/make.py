"""Makes train.tsv, validation.tsv, test.tsv and expected.json: Elliot's definitions of neighbourhoods and metrics in plain numpy, similarities by scikit-learn.

    pip install numpy==2.4.6 scikit-learn==1.9.1
    python make.py

Equal scores are broken by the lower item (items in natural order); of equally similar neighbours the lower one is kept.
"""

import json

import numpy as np
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import cosine_similarity, euclidean_distances, manhattan_distances

USERS, ITEMS, CUTOFFS = 40, 30, [1, 5, 12]
rng = np.random.default_rng(4)

# --- interactions: users of three tastes, ratings 1…5, some test items that nobody trained on -----------------------------------------------
taste = rng.integers(0, 3, USERS)
parts = {"train": {}, "validation": {}, "test": {}}
for user in range(USERS):
    weights = np.where(np.arange(ITEMS) % 3 == taste[user], 6.0, 1.0)
    count = 1 if user == 7 else int(rng.integers(9, 19))
    chosen = rng.choice(ITEMS, size=count, replace=False, p=weights / weights.sum())
    ends = [count, count, count] if count < 6 else [count - 4, count - 2, count]
    for name, begin, end in zip(parts, [0] + ends, ends):
        for item in chosen[begin:end]:
            parts[name][user, int(item)] = float(rng.integers(64, 320)) / 64
parts["test"][3, ITEMS] = 4.0  # item 130 is in no training; ratings are exact in f32
for name, entries in parts.items():
    with open(f"{name}.tsv", "w") as file:
        for stamp, ((user, item), rating) in enumerate(entries.items()):
            file.write(f"u{user:02}\t{100 + item}\t{rating}\t{1000 + stamp}\n")

R = np.zeros((USERS, ITEMS))
for (user, item), rating in parts["train"].items():
    R[user, item] = rating
kept = np.flatnonzero((R > 0).any(axis=0))  # items of the training part
R = R[:, kept]
column = {int(item): place for place, item in enumerate(kept)}
B = (R > 0).astype(float)
N = len(kept)


# --- recommenders --------------------------------------------------------------------------------------------------------------------------
def top_of_columns(W, k):
    """Each column's k largest entries that are not 0."""
    kept = np.zeros_like(W)
    for c in range(W.shape[1]):
        rows = [r for r in np.argsort(-W[:, c], kind="stable") if W[r, c] != 0][:k]
        kept[rows, c] = W[rows, c]
    return kept


def standard(X, similarity):
    """Of the rows of X."""
    if similarity == "cosine":
        return cosine_similarity(X)
    if similarity == "dot":
        return X @ X.T
    if similarity == "euclidean":
        return 1 / (1 + euclidean_distances(X))
    if similarity == "manhattan":
        return 1 / (1 + manhattan_distances(X))
    return 1 / (1 + pairwise_distances(X > 0, metric=similarity))


def aiolli(X, similarity, shrink=0.0, alpha=0.5, ta=1.0, tb=1.0):
    """Of the rows of X; the entry (other, column), as Elliot fills it column by column."""
    if similarity in ("jaccard", "dice", "tversky"):
        X = (X > 0).astype(float)
    dot = X @ X.T
    np.fill_diagonal(dot, 0.0)
    squares = (X**2).sum(axis=1)
    norm = np.sqrt(squares)
    other, own = np.arange(len(X))[:, None], np.arange(len(X))[None, :]
    if similarity == "cosine":
        W = dot / (norm[own] * norm[other] + shrink + 1e-6)
    elif similarity == "asymmetric":
        W = dot / (norm[own] ** (2 * alpha) * norm[other] ** (2 * (1 - alpha)) + shrink + 1e-6)
    elif similarity == "jaccard":
        W = dot / (squares[own] + squares[other] - dot + shrink + 1e-6)
    elif similarity == "dice":
        W = dot / (squares[own] + squares[other] + shrink + 1e-6)
    elif similarity == "tversky":
        W = dot / (dot + ta * (squares[own] - dot) + tb * (squares[other] - dot) + shrink + 1e-6)
    np.fill_diagonal(W, 0.0)
    return W


models = {}


def add(name, recommender, scores, **parameters):
    models[name] = {"recommender": recommender, "parameters": parameters, "scores": scores}


for measure in ["cosine", "dot", "euclidean", "manhattan", "jaccard", "dice"]:
    W = top_of_columns(standard(R.T, measure), 7)
    add(f"item standard {measure}", "item-knn", R @ W, neighbours=7, similarity=measure)
    W = top_of_columns(standard(R, measure), 5)
    add(f"user standard {measure}", "user-knn", W @ R, neighbours=5, similarity=measure)
add("item implicit", "item-knn", B @ top_of_columns(standard(B.T, "cosine"), 7), neighbours=7, implicit=True)
for measure, extra in [
    ("cosine", {}),
    ("cosine", {"shrink": 3.0}),
    ("asymmetric", {"asymmetric-alpha": 0.3, "shrink": 1.0}),
    ("jaccard", {}),
    ("dice", {"shrink": 2.0}),
    ("tversky", {"tversky-alpha": 0.4, "tversky-beta": 1.6}),
]:
    own = {"shrink": extra.get("shrink", 0.0), "alpha": extra.get("asymmetric-alpha", 0.5), "ta": extra.get("tversky-alpha", 1.0), "tb": extra.get("tversky-beta", 1.0)}
    name = measure + ("" if extra.get("shrink", 0) == 0 else " shrunk")
    parameters = {"similarity": measure, "implementation": "aiolli", **extra}
    add(f"item aiolli {name}", "item-knn", R @ top_of_columns(aiolli(R.T, measure, **own), 7), neighbours=7, **parameters)
    add(f"user aiolli {name}", "user-knn", top_of_columns(aiolli(R, measure, **own), 5) @ R, neighbours=5, **parameters)
add("most pop", "most-pop", np.tile((R > 0).sum(axis=0).astype(float), (USERS, 1)))


# --- metrics -------------------------------------------------------------------------------------------------------------------------------
def ranked(scores, user):
    order = [i for i in np.argsort(-scores[user], kind="stable") if R[user, i] == 0]
    return order[: max(CUTOFFS)]


def evaluate(scores, part, threshold):
    relevant = {}
    for (user, item), rating in parts[part].items():
        if rating >= threshold and (R[user] > 0).any():
            relevant.setdefault(user, {})[column.get(item, -1 - item)] = rating
    lists = {user: ranked(scores, user) for user in sorted(relevant)}
    result = {}
    for k in CUTOFFS:
        rows = []
        for user, own in relevant.items():
            hits = np.array([float(item in own) for item in lists[user][:k]] + [0.0] * (k - len(lists[user][:k])))
            gains = np.array([2 ** (own[item] - threshold + 1) - 1 if item in own else 0.0 for item in lists[user][:k]])
            discount = 1 / np.log2(np.arange(2, k + 2))
            ideal = np.sort([2 ** (rating - threshold + 1) - 1 for rating in own.values()])[::-1][:k]
            dcg = (gains * discount[: len(gains)]).sum()
            precisions = hits.cumsum() / np.arange(1, k + 1)
            rows.append(
                [
                    dcg / (ideal * discount[: len(ideal)]).sum() if dcg else 0.0,
                    (precisions * hits).sum() / min(len(own), k),
                    precisions.mean(),
                    hits.sum() / len(own),
                    hits.sum() / k,
                    float(hits.any()),
                    1 / (1 + hits.argmax()) if hits.any() else 0.0,
                ]
            )
        for name, value in zip(["ndcg", "map", "map-elliot", "recall", "precision", "hit-rate", "mrr"], np.mean(rows, axis=0)):
            result[f"{name}@{k}"] = float(value)
        counts = np.zeros(N)
        for user in relevant:
            for item in lists[user][:k]:
                counts[item] += 1
        share = np.sort(counts) / counts.sum()
        result[f"coverage@{k}"] = float((counts > 0).mean())
        result[f"gini@{k}"] = float(1 - ((2 * np.arange(1, N + 1) - N - 1) * share).sum() / (N - 1))
        popularity = (R > 0).sum(axis=0) / USERS
        result[f"novelty@{k}"] = float((counts * -np.log2(popularity)).sum() / counts.sum())
    return result


THRESHOLD, SCORED = 2.0, range(0, USERS, 5)
expected = {"threshold": THRESHOLD, "cutoffs": CUTOFFS, "models": []}
for name, model in models.items():
    scores = model.pop("scores")
    # A list must not hang on how two nearly equal sums are rounded: such a model is compared by its scores alone.
    gaps = np.concatenate([np.diff(np.sort(row)) for row in scores])
    sharp = not ((gaps > 0) & (gaps < 1e-9)).any()
    entry = {"name": name, **model, "scores": [[round(float(value), 12) for value in scores[user]] for user in SCORED]}
    if sharp:
        entry |= {part: evaluate(scores, part, THRESHOLD) for part in ["validation", "test"]}
    expected["models"].append(entry)
expected["scored_users"] = list(SCORED)
with open("expected.json", "w") as file:
    json.dump(expected, file, indent=None, separators=(",", ":"))
    file.write("\n")
