"""Joints, skeletons and people's poses: what an estimator returns, drawn, read and written."""
