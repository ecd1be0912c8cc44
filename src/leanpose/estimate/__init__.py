"""The way of a picture to its people: detector, crops, network, decoding, and in video tracker and smoothing."""
