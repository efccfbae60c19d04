"""Writes small FashionGen files with h5py in every storage that its users meet, and what h5py reads back from them.

Made with Python 3.11, h5py 3.16.0 (HDF5 2.0.0), numpy 2.4.6. Run it in this folder: `python make.py`.
One folder a storage, some with both files; `expected.json` holds the values. The product and its tests need no Python.
"""

import json
import pathlib
import zlib

import h5py
import numpy as np

HERE = pathlib.Path(__file__).parent
COLUMNS = ["productID", "description", "category", "brand", "msrpUSD", "pose"]

# product, description, category; the rows of a product are not all neighbours
TRAIN = [
    (101, "Long sleeve t-shirt in off-white. Crewneck collar.", "TOPS"),
    (101, "Long sleeve t-shirt in off-white. Crewneck collar.", "TOPS"),
    (102, "Robe en crêpe de chine, façon années 70 - coupe évasée.", "DRESSES"),
    (103, "Slim-fit jeans, 7½\" leg opening. £50 & up; 100% coton naïf ÿ", "JEANS"),
    (101, "Long sleeve t-shirt in off-white. Crewneck collar.", "TOPS"),
    (104, "", "TOPS"),
    (103, "Slim-fit jeans, 7½\" leg opening. £50 & up; 100% coton naïf ÿ", "JEANS"),
]
VALIDATION = [
    (201, "Mini skirt\nwith two lines.", "SKIRTS"),
    (102, "Robe en crêpe de chine: the same product in the other file", "DRESSES"),
    (201, "Mini skirt\nwith two lines.", "SKIRTS"),
]

# folder -> (libver, height, width, storage of images, storage of other columns, kind of text, kind of product id)
STORAGES = {}
for libver in ["earliest", "latest"]:
    STORAGES[f"contiguous-{libver}"] = (libver, 12, 16, {}, {}, "bytes", "<i8")
    STORAGES[f"chunked-{libver}"] = (libver, 12, 16, dict(chunks=(2, 12, 16, 3)), dict(chunks=(3, 1)), "bytes", "<i8")
    STORAGES[f"gzip-{libver}"] = (libver, 128, 256, dict(chunks=(4, 128, 256, 3), compression="gzip"),
                                  dict(chunks=(4, 1), compression="gzip"), "bytes", "<i8")
    STORAGES[f"gzip-shuffle-{libver}"] = (libver, 12, 16, dict(chunks=(3, 5, 7, 2), compression="gzip", shuffle=True),
                                          dict(chunks=(2, 1), compression="gzip", shuffle=True), "bytes", ">i4")
    STORAGES[f"checksum-{libver}"] = (libver, 12, 16, dict(chunks=True, compression="gzip", compression_opts=9, fletcher32=True),
                                      dict(chunks=True, fletcher32=True), "bytes", "S")
    STORAGES[f"resizable-{libver}"] = (libver, 12, 16, dict(chunks=(1, 12, 16, 3), maxshape=(None, 12, 16, 3), compression="gzip"),
                                       dict(chunks=(2, 1), maxshape=(None, 1)), "bytes", "<u2")
STORAGES["resizable-v110"] = ("v110", 12, 16, dict(chunks=(2, 12, 16, 3), maxshape=(None, None, 16, 3), compression="gzip"),
                              dict(chunks=(4, 1), maxshape=(None, None)), "bytes", "<f4")
STORAGES["variable-strings"] = ("earliest", 12, 16, {}, {}, "variable", "<i8")


def images(rows, height, width, seed):
    row, y, x, c = np.ogrid[:rows, :height, :width, :3]
    return ((row * 37 + (y * 8 // height) * 5 + (x * 8 // width) * 3 + c * 11 + seed) % 256).astype(np.uint8)


def column(name, rows, kind, id_kind):
    def value(index, row):
        product, description, category = row
        return {"productID": str(product), "description": description, "category": category,
                "brand": ["Café Noir", "Ærø", ""][product % 3], "msrpUSD": product * 1.25, "pose": f"id_gridfs_{index + 1}"}[name]

    values = [value(index, row) for index, row in enumerate(rows)]
    if name == "msrpUSD":
        return np.array(values, dtype=np.float32)[:, None]
    if name == "productID" and id_kind != "S":
        return np.array([int(value) for value in values], dtype=id_kind)[:, None]
    if kind == "variable":
        return np.array(values, dtype=object)[:, None]
    return np.array([value.encode("latin-1") for value in values], dtype="S80" if name == "description" else "S24")[:, None]


def write(path, rows, storage, seed):
    libver, height, width, image_storage, storage, kind, id_kind = storage
    with h5py.File(path, "w", libver=libver) as file:
        if isinstance(image_storage.get("chunks"), tuple):
            chunks = image_storage["chunks"]
            image_storage = {**image_storage, "chunks": (min(chunks[0], len(rows)), *chunks[1:])}
        if isinstance(storage.get("chunks"), tuple):
            storage = {**storage, "chunks": (min(storage["chunks"][0], len(rows)), 1)}
        file.create_dataset("index", data=np.arange(len(rows))[:, None])
        file.create_dataset("input_image", data=images(len(rows), height, width, seed), **image_storage)
        for name in COLUMNS:
            data = column(name, rows, kind, id_kind)
            extra = dict(dtype=h5py.string_dtype()) if data.dtype == object else {}
            # An index of chunks costs 3 kB: only some columns have one.
            kept = storage if name in ("description", "productID", "msrpUSD") else {}
            file.create_dataset(f"input_{name}", data=data, **kept, **extra)


def text(value, kind):
    if isinstance(value, bytes):
        return value.decode("utf-8" if kind == "variable" else "latin-1").strip()
    return str(int(value))


def read(path, kind):
    """What h5py says is in the file."""
    with h5py.File(path, "r") as file:
        rows = []
        for row in range(len(file["input_image"])):
            image = file["input_image"][row]
            values = {name: text(file[f"input_{name}"][row, 0], kind) for name in COLUMNS if name != "msrpUSD"}
            rows.append({**values, "price": float(file["input_msrpUSD"][row, 0]), "height": image.shape[0], "width": image.shape[1],
                         "crc32": zlib.crc32(image.tobytes()), "pixel_3_5": image[3, 5].tolist()})
        return rows


expected = {}
for folder, storage in STORAGES.items():
    (HERE / folder).mkdir(exist_ok=True)
    expected[folder] = {}
    for part, rows, seed in [("train", TRAIN, 0), ("validation", VALIDATION, 100)]:
        if part == "validation" and not folder.startswith("gzip-shuffle"):
            continue
        path = HERE / folder / f"fashiongen_256_256_{part}.h5"
        write(path, rows, storage, seed)
        expected[folder][part] = read(path, storage[5])
# A filter of h5py's own, with which no row can be read but by h5py: refused when the file is opened.
(HERE / "lzf").mkdir(exist_ok=True)
write(HERE / "lzf" / "fashiongen_256_256_train.h5", TRAIN,
      ("latest", 12, 16, dict(chunks=(2, 12, 16, 3), compression="lzf"), {}, "bytes", "<i8"), 0)
row = lambda values: json.dumps(values, ensure_ascii=False)
part = lambda rows: "[\n" + ",\n".join(row(values) for values in rows) + "\n]"
storage = lambda parts: "{" + ",".join(f'"{name}": {part(rows)}' for name, rows in parts.items()) + "}"
text = "{" + ",\n".join(f'"{name}": {storage(parts)}' for name, parts in expected.items()) + "}\n"
(HERE / "expected.json").write_text(text)
