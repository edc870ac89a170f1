"""Local files, images, and uploads."""
