//! FashionGen: products, descriptions and images in HDF5
