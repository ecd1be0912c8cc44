"""Millions of pictures and archives of video, in shards: what ``leanpose batch`` runs. It needs the extra ``batch``.

The sources are cut into shards once (``planning.py``), a shard is one call of :func:`leanpose.batch.work.process` and
becomes one Parquet file, and a runner (``processes.py``, ``ray_runner.py``) has the calls made somewhere. Which shards
are done is told by their files alone.
"""
