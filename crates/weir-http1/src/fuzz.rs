//! Entries for the fuzz targets.
