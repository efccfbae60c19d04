"""Writes FashionGen files of issue-sized length (50,000 rows, gzip in chunks) to time a scan; they are not kept in the repository.

Made with Python 3.11, h5py 3.16.0 (HDF5 2.0.0), numpy 2.4.6. `python make_large.py FOLDER [ROWS]`, then
`cargo run --release -p fashiongen --example fashiongen_scan -- FOLDER`. Prints the products and rows that a scan must find.
"""

import pathlib
import sys
import zlib

import h5py
import numpy as np

folder, rows = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 50_000
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(7)
smooth = [np.cumsum(random.integers(-2, 3, size=(64, 64, 3)), axis=1).repeat(4, 0).repeat(4, 1).astype(np.uint8) for _ in range(8)]
chunks = [zlib.compress(np.stack(smooth[start : start + 4]).tobytes(), 4) for start in (0, 4)]
WORDS = "long sleeve knit cotton wool sweater in navy and ecru crêpe façon rib collar tonal stitching throughout".split()
TEXT = {"description": 1200, "concat_description": 1200, "composition": 200, "name": 100, "brand": 60, "category": 40, "subcategory": 40,
        "department": 40, "gender": 20, "pose": 20, "season": 20}

first = 0
for part, count in [("train", rows * 9 // 10), ("validation", rows - rows * 9 // 10)]:
    products = np.repeat(np.arange(count // 4 + 1), 4)[:count] + first
    first = int(products[-1]) + 1
    with h5py.File(folder / f"fashiongen_256_256_{part}.h5", "w") as file:
        images = file.create_dataset("input_image", (count, 256, 256, 3), np.uint8, chunks=(4, 256, 256, 3), compression="gzip", compression_opts=1)
        # The same two chunks over and over, compressed once: the files are as large as real ones and made in a minute.
        for start in range(0, count, 4):
            images.id.write_direct_chunk((start, 0, 0, 0), chunks[start // 4 % 2])
        file.create_dataset("index", data=np.arange(count)[:, None], chunks=True, compression="gzip")
        file.create_dataset("input_productID", data=products[:, None], chunks=True, compression="gzip")
        file.create_dataset("input_msrpUSD", data=random.random((count, 1), dtype=np.float32) * 900, chunks=True, compression="gzip")
        for name, width in TEXT.items():
            length = width // 12
            texts = [" ".join(random.choice(WORDS, size=max(1, length // 2))).encode("latin-1")[:width] for _ in range(997)]
            values = np.array([texts[product % 997] for product in products], dtype=f"S{width}")[:, None]
            file.create_dataset(f"input_{name}", data=values, chunks=True, compression="gzip")
    print(part, "rows", count, "products", len(set(products)))
