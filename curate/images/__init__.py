"""Pixels in, facts out: no paths, no tables. The only door to Pillow, OpenCV and imagehash."""
