"""Windows along one axis, and the same windows with other taps and other padding."""

from __future__ import annotations

import dataclasses

__all__ = ["AxisWindow"]


@dataclasses.dataclass(frozen=True)
class AxisWindow:
    """Windows of a convolution along one axis.

    Attributes:
        length: Length of the input.
        outputs: Number of windows.
        taps: Number of taps of a window.
        stride: Distance of neighboring windows.
        dilation: Distance of neighboring taps.
        before: Zeros before the input; negative where some of it is cut off.
    """

    length: int
    outputs: int
    taps: int
    stride: int
    dilation: int
    before: int

    @property
    def extent(self) -> int:
        """Distance from the first to the last tap of a window, both included."""
        return (self.taps - 1) * self.dilation + 1

    @property
    def behind(self) -> int:
        """Zeros behind the input that the windows reach; negative where they leave some out."""
        reach = (self.outputs - 1) * self.stride + self.extent
        return reach - self.length - self.before

    @property
    def is_plain(self) -> bool:
        """Whether as many zeros before the input as behind it give so many windows."""
        return (
            self.before >= 0 and self._windows(self.taps, self.before) == self.outputs
        )

    def _windows(self, taps: int, padding: int) -> int:
        """Return the number of windows of so many taps, with the same padding on both sides."""
        extent = (taps - 1) * self.dilation + 1
        room = self.length + 2 * padding - extent
        return room // self.stride + 1

    def front_zeros(self, taps: int) -> int | None:
        """Return how many zero taps in front make windows of so many taps plain.

        Args:
            taps: Number of taps, at least that of a window: zeros fill up the end.

        Returns:
            The number; None if there is none.
        """
        for front in range(taps - self.taps + 1):
            padding = self.before + front * self.dilation
            if padding >= 0 and self._windows(taps, padding) == self.outputs:
                return front
        return None

    def undilated(self) -> AxisWindow:
        """Return windows that have a tap, perhaps a zero, at every position."""
        return dataclasses.replace(
            self,
            taps=self.extent,
            dilation=1,
        )
