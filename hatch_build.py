"""What the build adds to a wheel on request: the native library, and oneDNN that it loads.

``make wheel-native`` asks for it, with ``ONNX2SNN_WHEEL_LIBRARY=1`` and a library that is built.
A wheel without is pure Python, and is what ``pip install .`` makes.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "onnx2snn/native/lib"
NAMES = "*onnx2snn_native.*"
ONEDNN = "libdnnl.so.3"


class NativeLibraryHook(BuildHookInterface):
    """Puts the library into a wheel, which is then one for this kind of machine."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files and the tag of the machine, if they are asked for.

        Args:
            version: Version of the build target.
            build_data: What hatchling builds the wheel from; it is added to.

        Raises:
            FileNotFoundError: The library is not built.
        """
        del version
        if os.environ.get("ONNX2SNN_WHEEL_LIBRARY") != "1":
            return
        files = sorted(Path(self.root, FOLDER).glob(NAMES))
        if not files:
            message = f"{FOLDER} has no library: run 'onnx2snn native build' first"
            raise FileNotFoundError(message)
        environment = os.environ.get("ONNX2SNN_WHEEL_ENVIRONMENT")
        if environment is not None:
            files += Path(environment, "lib").glob(ONEDNN)
        inside = {str(file): f"{FOLDER}/{file.name}" for file in files}
        build_data["force_include"].update(inside)
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
        build_data["pure_python"] = False
