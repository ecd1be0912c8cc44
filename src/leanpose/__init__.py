"""leanpose: find people's joints in images and video, fast, on ordinary CPUs."""

__version__ = "0.1.0.dev0"
