"""`validate`: does the declaration fit the log?"""
