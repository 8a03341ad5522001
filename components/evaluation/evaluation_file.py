"""The file in which one step of the evaluation tells the next what it measured."""

EVALUATION_FILE = "evaluation.json"
