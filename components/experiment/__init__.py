"""The experiment of model against rules on users: assignment, reading, looks, decision, plan, off-policy.

Pure functions on numpy arrays: nothing here reads a log, writes an artifact or imports TensorFlow.
"""
