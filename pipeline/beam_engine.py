"""The engine that Beam runs on where nobody names another: one for the graph and for the steps inside it, on a laptop and in a pod.

Beam 2.77's default first tries to download another runner and falls back in silence when it is offline; results should
not depend on the network. The full class path is the spelling that every Beam understands.
"""

ENGINE = "apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"
