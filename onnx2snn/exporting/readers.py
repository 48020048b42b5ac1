"""The simulators that read NIR, a row each: what their importers make of a file.

Read off the sources of the releases named in ``source``, and run by tests/exporting/test_readers.py
where they are installed.
"""

from __future__ import annotations

import dataclasses

from onnx2snn.exporting.firing import Firing
from onnx2snn.exporting.passes.choose_pools import AVERAGE, SUM

__all__ = [
    "READERS",
    "Reader",
]


@dataclasses.dataclass(frozen=True)
class Reader:
    """A simulator that reads NIR.

    Attributes:
        name: Its name.
        firing: The neuron that its importer makes.
        primitive: NIR's neuron that gives it: ``IF``, ``LIF`` or ``CubaLIF``.
        pool: NIR's pool that it reads: ``sum`` or ``avg``.
        preset: The value of ``--for`` whose networks it runs as they were made.
        load: Python that loads the file ``net.nir``.
        is_depth_first: Whether it runs layers depth first, so that no branch may join another.
        source: The release that this was read off.
    """

    name: str
    firing: Firing
    primitive: str
    pool: str
    preset: str
    load: str
    source: str
    is_depth_first: bool = False


READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        Reader(
            "sinabs",
            Firing(sends_several=True, has_floor=True),
            primitive="IF",
            pool=SUM,
            preset="speck",
            load="sinabs.nir.from_nir(nir.read('net.nir'), num_timesteps=T), on inputs "
            "[N * T, ...] with the T steps of a sample in a row",
            source="sinabs 3.1.3, sinabs/nir.py",
            is_depth_first=True,
        ),
        Reader(
            "norse",
            Firing(is_strict=True),
            primitive="CubaLIF",
            pool=SUM,
            preset="nir",
            load="norse.torch.from_nir(nir.read('net.nir'), "
            "reset_method=norse.torch.functional.reset.reset_subtract), once a step, with the "
            "state of the step before",
            source="norse 1.1.0, norse/torch/utils/import_nir.py",
            is_depth_first=True,
        ),
        Reader(
            "spikingjelly",
            Firing(is_hard=True),
            primitive="IF",
            pool=AVERAGE,
            preset="nir-hard-reset",
            load="spikingjelly.activation_based.nir_exchange.import_from_nir(nir.read('net.nir'), "
            "dt=1.0), once a step, with the state of the step before",
            source="SpikingJelly 2.0.0, activation_based/nir_exchange/from_nir.py",
        ),
        Reader(
            "snntorch",
            Firing(is_hard=True, is_strict=True),
            primitive="LIF",
            pool=AVERAGE,
            preset="nir-hard-reset",
            load="snntorch.import_nir.import_from_nir(nir.read('net.nir')), once a step; "
            "potentials stay in the modules",
            source="snnTorch 1.0.0, snntorch/import_nir.py",
        ),
        Reader(
            "generic",
            Firing(is_strict=True),
            primitive="IF",
            pool=AVERAGE,
            preset="nir",
            load="nir.read('net.nir'), with a neuron that subtracts its threshold on a spike",
            source="NIR, docs/source/primitives.md",
        ),
    )
}
"""Name to reader."""
