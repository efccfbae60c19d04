"""ItemKNN against implicit's, and VBPR's epochs against Cornac's, on the same data and threads, in turn in one run.

    pip install numpy==2.4.6 scipy==1.17.1 implicit==0.7.3 cornac==3.0.1 torch==2.15.0
    samples --out /tmp/log.csv --log 2500000 --customers 130000 --articles 10500
    python compare_recommenders.py knn HOST /tmp/log.csv
    samples --out /tmp/shop --articles 5000 --customers 10000 --transactions 200000
    python compare_recommenders.py vbpr HOST /tmp/shop

HOST is target/release/host; it finds registry.toml from the working directory.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

THREADS = 2
os.environ.update({name: str(THREADS) for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]})
kind, host, source = sys.argv[1:4]

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402


def run_host(text):
    """The trial's record of the only model."""
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "experiment.toml")
    with open(path, "w") as file:
        file.write(text)
    run = os.path.join(folder, "run")
    subprocess.run([host, "recommend", path, "--run", run, "--threads", str(THREADS), "--quiet"], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(run, "trials", "m", "0001.json")) as file:
        record = json.load(file)
    rows = {}
    for part in ["train", "validation", "test"]:
        offsets, items = (np.load(os.path.join(run, "data", f"{part}.{name}.npy")) for name in ["offsets", "items"])
        rows[part] = (offsets.astype(np.int64), items)
    ranked = np.load(os.path.join(run, "data", "ranked.npy"))
    with open(os.path.join(run, "data", "items.txt")) as file:
        items = file.read().split()
    with open(os.path.join(run, "results.json")) as file:
        results = json.load(file)
    shutil.rmtree(folder)
    return record, rows, ranked, items, results


DATA = """
[data]
interactions = "{path}"
columns = {{ user = "customer_id", item = "article_id", time = "t_dat" }}
split = {{ by = "temporal-user", test = 0.2, validation = 0.1 }}

[evaluation]
cutoffs = [20]
metrics = ["recall"]
every = 1000
"""

if kind == "knn":
    from implicit.nearest_neighbours import CosineRecommender

    text = DATA.format(path=os.path.abspath(source)) + '[[models]]\nname = "m"\nrecommender = "item-knn"\nneighbours = 20\n'
    record, rows, ranked, items, results = run_host(text)
    ours = record["fit_seconds"] + record["rank_seconds"]
    offsets, columns = rows["train"]
    matrix = sp.csr_matrix((np.ones(len(columns)), columns, offsets), shape=(len(offsets) - 1, len(items)))
    began = time.perf_counter()
    model = CosineRecommender(K=20, num_threads=THREADS)
    model.fit(matrix, show_progress=False)
    fitted = time.perf_counter()
    ids, _ = model.recommend(ranked, matrix[ranked], N=20, filter_already_liked_items=True)
    theirs = time.perf_counter() - began
    offsets, columns = rows["test"]
    recall = [len(np.intersect1d(row, columns[offsets[u] : offsets[u + 1]])) / (offsets[u + 1] - offsets[u]) for u, row in zip(ranked, ids) if offsets[u + 1] > offsets[u]]
    print(f"{matrix.shape[0]} users, {matrix.shape[1]} items, {matrix.nnz} interactions; lists for {len(ranked)} users")
    print(f"implicit: fit {fitted - began:.2f} s, lists {theirs - (fitted - began):.2f} s, recall@20 {np.mean(recall):.5f}")
    print(f"ours: fit {record['fit_seconds']:.2f} s, lists {record['rank_seconds']:.2f} s, recall@20 {results['models'][0]['test']['recall@20']:.5f}")
    print(f"ratio {theirs / ours:.1f}; load {os.getloadavg()[0]:.1f}")
else:
    import cornac
    import torch

    torch.set_num_threads(THREADS)
    EPOCHS = 5
    rng = np.random.default_rng(1)
    features = os.path.join(source, "wide")
    os.makedirs(features, exist_ok=True)
    ids = open(os.path.join(source, "attributes", "ids.txt")).read().split()
    # As wide as ResNet50's; what they say does not change the time.
    np.save(os.path.join(features, "features.npy"), rng.random((len(ids), 2048), dtype=np.float32))
    shutil.copy(os.path.join(source, "attributes", "ids.txt"), features)
    text = DATA.format(path=os.path.abspath(os.path.join(source, "hm", "transactions_train.csv")))
    text += f'[features.wide]\npath = "{os.path.abspath(features)}"\n'
    text += f'[[models]]\nname = "m"\nrecommender = "vbpr"\nfeatures = ["wide"]\nfactors = 64\nfeature-factors = 64\nbatch-size = 1024\nepochs = {EPOCHS}\nsampling = "interactions"\n'
    record, rows, ranked, items, _ = run_host(text)
    ours = record["fit_seconds"] / EPOCHS
    offsets, columns = rows["train"]
    users = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    data = cornac.data.Dataset.from_uir([(int(u), int(i), 1.0) for u, i in zip(users, columns)], seed=1)
    place = {id: n for n, id in enumerate(ids)}
    matrix = np.load(os.path.join(features, "features.npy"))
    modality = cornac.data.ImageModality(features=matrix[[place[items[i]] for i in range(len(items))]], ids=list(range(len(items))), normalized=False)
    modality.build(id_map=data.iid_map)
    data.add_modalities(item_image=modality)
    model = cornac.models.VBPR(k=64, k2=64, n_epochs=EPOCHS, batch_size=1024, learning_rate=0.001, use_gpu=False, verbose=False, seed=1)
    began = time.perf_counter()
    model.fit(data)
    theirs = (time.perf_counter() - began) / EPOCHS
    print(f"{len(offsets) - 1} users, {len(items)} items, {len(columns)} interactions, 2048 features, 64 + 64 factors, batches of 1024")
    print(f"Cornac: {theirs:.2f} s an epoch; ours: {ours:.2f} s (with reading features and ranking once)")
    print(f"ratio {theirs / ours:.1f}; load {os.getloadavg()[0]:.1f}")
