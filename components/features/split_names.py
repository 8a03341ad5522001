"""The names of the splits of a log, as TFX stores them, and of the statistics kept with a served version."""

TRAIN, EVAL, SERVED = "train", "eval", "served"
