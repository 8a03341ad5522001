"""The ranking head: one probability per objective, its training and calibration."""
