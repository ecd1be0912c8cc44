"""Labels by teachers: people found or given, their joints with confidences, in COCO's format.

``pictures`` says which pictures and whose boxes, ``fusion`` merges detectors, ``people`` asks the teacher and keeps the
rules, ``journal`` makes it resumable, ``document`` is the file at the end, and ``run`` goes through it all.
"""
