"""Run a converted model in PyTorch, on any of its devices: ``runner.open_runner``.

The operators are here as well; ``onnx2snn.torch`` trains networks through them. Needs the extra
``torch``; nothing outside of these two packages imports it.
"""
