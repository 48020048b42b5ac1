"""``python -m onnx2snn``."""

import sys

from onnx2snn.cli import main

sys.exit(main())
