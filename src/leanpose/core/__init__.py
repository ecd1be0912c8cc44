"""What everything stands on: errors, files, boxes, crops and their geometry, decoding of heatmaps."""
