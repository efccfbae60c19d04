//! The sample catalogue: a seeded generator of garments in the vendors' layouts
