"""The five steps of preparing an H&M catalogue in plain pandas, compared with what `host prepare` wrote. Run by hand:

    samples --out data --articles 5000
    host prepare hm --source data/hm --out prepared --no-split-files
    python check.py data/hm prepared [MINIMUM [ALLOWED,CATEGORIES]]

Python 3.11, pandas 3.1.1.
"""
import json
import os
import sys

import pandas as pd

source, prepared = sys.argv[1:3]
minimum = int(sys.argv[3]) if len(sys.argv) > 3 else 1
allowed = {name.lower() for name in sys.argv[4].split(",")} if len(sys.argv) > 4 else None

articles = pd.read_csv(f"{source}/articles.csv", dtype=str)
records = len(articles)
articles = articles[articles.detail_desc.notna() & (articles.detail_desc.str.strip() != "")]
with_description = len(articles)
path = source + "/images/" + articles.article_id.str[:3] + "/" + articles.article_id + ".jpg"
articles = articles[path.map(os.path.exists)]
with_image = len(articles)
sizes = articles.product_type_name.value_counts()
articles = articles[articles.product_type_name.map(sizes) >= minimum]
if allowed:
    articles = articles[articles.product_type_name.str.lower().isin(allowed)]
articles["text"] = articles.detail_desc.str.lower().str.split().str.join(" ")

items = pd.DataFrame([json.loads(line) for line in open(f"{prepared}/items.jsonl", encoding="utf-8")])
assert list(items.id) == list(articles.article_id), "the items, in their order"
assert list(items.references.str[0]) == list(articles.text), "the texts"
assert list(items.category) == list(articles.product_type_name), "the categories"
assert (items.groupby("product").split.nunique() == 1).all(), "a product is on one side"
products = items.drop_duplicates("product").split.value_counts()
total = int(products.sum())
assert products["train"] == total * 8 // 10 and products["validation"] == total // 10, products
counts = (records, with_description, with_image, len(articles), articles.product_type_name.nunique())
manifest = open(f"{prepared}/dataset.toml", encoding="utf-8").read()
for name, count in zip(("records", "with_description", "with_image", "kept", "categories"), counts):
    assert f"\n{name} = {count}\n" in manifest, (name, count)
print("equal:", counts, dict(items.split.value_counts()))
