"""The default Beam runner: the same for the graph and for the steps inside it, on a laptop and in a pod.

Beam 2.77's own default first tries to download another runner and silently falls back when it is offline; results
should not depend on the network. All versions of Beam accept the full class path.
"""

ENGINE = "apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"
