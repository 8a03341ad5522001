"""The file in which the step Triangle tells the verdict's page what it measured."""

TRIANGLE_FILE = "triangle.json"
