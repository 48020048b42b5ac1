"""Functions of one value, computed from it element by element, and their kinds.

Nodes are followed in one way, by ``chain.Functions``. What a function is written as depends on
what is to be decided of it:

* ``samples``: its values at fixed points. Any function, but only about.
* ``piecewise``: straight lines between kinks. Exact, the same for all elements.
* ``clamped_line``: a line between two limits, perhaps rounded. An array of each number, for
  thresholds that differ from channel to channel.

``kinds`` decides of a function, in one of these forms, whether it is of a kind.
"""
