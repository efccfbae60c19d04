//! The H&M catalogue: articles.csv and a tree of JPEG images
